"""What every input is: the base of the classes in `dlkit/inputs/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from dlkit.config.problems import Problem
from dlkit.schema.base import Section
from dlkit.schema.column import ALSO_CALLED, Column, Columns, column_rules, wanted_columns
from dlkit.schema.registry import Registry
from dlkit.schema.step import StepSettings

if TYPE_CHECKING:
    from dlkit.schema import Config


class InputSettings(Section):
    """What every input has.

    A new kind is a file in `dlkit/inputs/`, whose class has the file's name as `kind: Literal[...]`.
    """

    # What people call this kind elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # The axes of one example, by name, where the kind has fixed ones.
    axes: ClassVar[tuple[str, ...]] = ()
    fields_also_called: ClassVar[Mapping[str, str]] = ALSO_CALLED

    kind: str
    column: Column = Field(None, description="Column of the source, where it differs from the input's own name.")
    columns: Columns = Field(
        None, description='Several columns, side by side: a list, or a pattern such as `"sensor_*"`.'
    )
    shape: list[Annotated[int, Field(gt=0)] | None] | None = Field(
        None, description="Shape of one example, where the source does not give it; null for a size that varies."
    )
    preprocess: list[StepSettings] = Field(default_factory=list, description="Steps in order.")

    def wanted(self, name: str) -> tuple[str, ...]:
        """The columns that the input of this name reads; patterns as they are written."""
        return wanted_columns(name, self.column, self.columns)

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """What is wrong with the input of this name, given the whole configuration."""
        yield from column_rules(("data", "inputs", name), self.column, self.columns)
        for number, step in enumerate(self.preprocess):
            yield from step.rules(("data", "inputs", name, "preprocess", number), config)


INPUTS = Registry("input", InputSettings, "kind", package="dlkit.inputs")
