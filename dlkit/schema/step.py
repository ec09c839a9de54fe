"""What every preprocessing step is: the base of the classes in `dlkit/steps/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import model_serializer

from dlkit.config import keras_names
from dlkit.config.problems import Key, Problem
from dlkit.config.short_forms import SingleKey
from dlkit.schema.base import Section
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.schema import Config


class StepSettings(Section):
    """One step of `preprocess`, written as its name or as `{name: {settings}}`, and printed so.

    A new step is a file in `dlkit/steps/`, whose class has the file's name as `step: Literal[...]`.
    """

    # What people call it elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # The axes of an example that it works on, as the class of an input names them; empty where any will do.
    needs_axes: ClassVar[tuple[str, ...]] = ()

    step: str

    def rules(self, key: Key, config: Config) -> Iterator[Problem]:
        """What is wrong with the step at this key path, given the whole configuration."""
        yield from ()

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        settings = handler(self)
        name = settings.pop("step")
        return {name: settings} if settings else name


def _hint(name: str) -> str:
    random = name in keras_names.table()["random_layers"]
    return "it is random: it belongs in `augment`" if random else ""


STEPS = Registry("step", StepSettings, "step", package="dlkit.steps", short_form=SingleKey("step"), hint=_hint)


def steps_for(axes: tuple[str, ...]) -> Any:
    """The type of one step for examples with these axes."""
    return STEPS.type(lambda cls: set(cls.needs_axes) <= set(axes))
