"""What every preprocessing step is: the base of the classes in `dlkit/steps/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import model_serializer

from dlkit.config import keras_names
from dlkit.config.problems import Key, Problem
from dlkit.config.short_forms import SingleKey
from dlkit.schema.base import Section
from dlkit.schema.features import Encoding
from dlkit.schema.fitted import Fitted, Nothing, State
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.schema import Config


@dataclass(frozen=True)
class Draw:
    """What a random step draws by.

    Attributes:
        rows: number of each example in its split, int64, shape (batch,).
        epoch: from 0, an integer scalar.
        seed: for `keras.random`: each use of it gives other numbers, and the same ones in a run that is made again.
    """

    rows: Any
    epoch: Any
    seed: Any


class UnfitError(ValueError):
    """Training rows that a step cannot learn from.

    Args:
        code: of the problem.
        message: what is wrong with them.
        help: what to do.
    """

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code, self.help = code, help


class StepSettings(Section):
    """One step of `preprocess`, written as its name or as `{name: {settings}}`, and printed so.

    A new step is a file in `dlkit/steps/`, whose class has the file's name as `step: Literal[...]`.
    """

    # What people call it elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # The axes of an example that it works on, as the class of an input names them; empty where any will do.
    needs_axes: ClassVar[tuple[str, ...]] = ()

    # Whether it has to be done before examples are batched and stored: it changes their shape, or reads text.
    host: ClassVar[bool] = False
    # Whether each example is computed by itself there, since the size of a batch changes the last bits of its results.
    example: ClassVar[bool] = False
    # Whether it learns from the training rows; `fit` is called then.
    fitted: ClassVar[bool] = False
    # What `fit` gives.
    state_type: ClassVar[type[Fitted]] = Nothing

    # Whether it changes training batches at random: it belongs in `augment`, has `augmented`, and no `layer`.
    random: ClassVar[bool] = False
    # Names that the first axis of its examples may have; empty where any will do.
    first_axes: ClassVar[tuple[str, ...]] = ()
    # The setting that a bare value stands for: `{fill_missing: median}`.
    word: ClassVar[str] = ""
    # Whether NaN is allowed before it and gone after it.
    fills_missing: ClassVar[bool] = False
    # Whether all that it does to the scale of values is a factor and an offset, which `value_range` then says.
    linear: ClassVar[bool] = False

    step: str

    def fit(self, batches: Iterable[Any]) -> State:
        """What the step learns from the training rows.

        Args:
            batches: NumPy arrays, first axis the examples, as the steps before leave them; the training rows once.

        Returns:
            Plain values that JSON keeps.

        Raises:
            UnfitError: if nothing can be learned from such rows.
        """
        return {}

    def check_state(self, state: Any) -> None:
        """Refuse a state, read from a file, that `fit` cannot have given.

        Raises:
            ValueError: if it is of other types, or contradicts itself.
        """
        self.state_type.model_validate(state)

    def notes(self, state: State) -> list[str]:
        """What is worth a line about what was fitted."""
        return []

    def encoding(self, before: Encoding) -> Encoding:
        """What the step makes of a prepared input; the same shape, in float32, unless it says otherwise."""
        return replace(before, dtype="float32")

    def layer(self, state: State | None) -> Any:
        """The step as a Keras layer, which works in tf.data, on arrays, and inside `model.keras`.

        Args:
            state: as `fit` gave it; None for a model that is not fitted yet.
        """
        raise NotImplementedError

    def augmented(self, x: Any, draw: Draw) -> Any:
        """A training batch, changed at random: of the same shape and type.

        Args:
            x: prepared values, first axis the batch.
            draw: what it depends on, and nothing else.
        """
        raise NotImplementedError

    def value_range(self, low: float, high: float) -> tuple[float, float]:
        """Where values lie after the step that lay between `low` and `high` before it."""
        return low, high

    def scales(self) -> bool:
        """Whether values are about 1 after the step."""
        return False

    def rules(self, key: Key, config: Config) -> Iterator[Problem]:
        """What is wrong with the step at this key path, given the whole configuration."""
        yield from ()

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        settings = handler(self)
        name = settings.pop("step")
        return {name: settings} if settings else name


def _hint(name: str) -> str:
    random = name in keras_names.table()["random_layers"] or (name in STEPS and STEPS[name].random)
    return "it is random: it belongs in `augment`" if random else ""


def _word(name: str) -> str:
    return STEPS[name].word if name in STEPS else ""


STEPS = Registry("step", StepSettings, "step", package="dlkit.steps", short_form=SingleKey("step", _word), hint=_hint)


def steps_for(axes: tuple[str, ...], *, missing: bool = False) -> Any:
    """The type of one step for examples with these axes, and with values that may be missing."""
    return STEPS.type(
        lambda cls: not cls.random and set(cls.needs_axes) <= set(axes) and (missing or not cls.fills_missing)
    )


def random_steps(axes: tuple[str, ...]) -> dict[str, type[StepSettings]]:
    """The random steps of dlkit's own, by name, for examples with these axes."""
    own = {name: STEPS[name] for name in STEPS.names()}
    return {
        name: cls
        for name, cls in own.items()
        if cls.random
        and set(cls.needs_axes) <= set(axes)
        and (not cls.first_axes or not set(cls.first_axes).isdisjoint(axes))
    }
