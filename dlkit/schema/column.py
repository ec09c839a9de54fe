"""What inputs and targets share: the columns of the source that they read, and what the training rows decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from dlkit.config.problems import Key, Problem
from dlkit.schema.base import Section, Text
from dlkit.schema.features import Feature
from dlkit.schema.fitted import State

if TYPE_CHECKING:
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config

Column = Annotated[str, Field(min_length=1)] | None
Columns = Annotated[list[Text], Field(min_length=1)] | Annotated[str, Field(min_length=1)] | None


class ColumnSettings(Section):
    """An input or a target: `column: name`, or `columns:` with a list or a pattern."""

    # Where they stand below `data`.
    group: ClassVar[str] = ""
    # What people call this kind elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    fields_also_called: ClassVar[Mapping[str, str]] = {"column": "field, key, col, from", "columns": "fields, cols"}

    kind: str
    column: Column = Field(None, description="Column of the source, where it has another name than this.")
    columns: Columns = Field(
        None, description='Several columns, side by side: a list, or a pattern such as `"sensor_*"`.'
    )

    def key_of(self, name: str) -> Key:
        """Where the settings of this name stand."""
        return ("data", self.group, name)

    def wanted(self, name: str) -> tuple[str, ...]:
        """The columns that are read, patterns as they are written; the one of this name where none is given."""
        if self.columns is not None:
            return (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)
        return (name if self.column is None else self.column,)

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """What is wrong with the settings of this name, given the whole configuration."""
        key = self.key_of(name)
        if self.column is not None and self.columns is not None:
            message = "`column` and `columns` both say what is read"
            yield Problem("contradiction", message, (*key, "columns"), label="keep one of them")
        if isinstance(self.columns, list):
            for number, column in enumerate(self.columns):
                if column in self.columns[:number]:
                    message, place = f"the column `{column}` is listed twice", (*key, "columns", number)
                    yield Problem("contradiction", message, place, label=f"also item {self.columns.index(column)}")

    def without_source(self, name: str) -> Feature | None:
        """What the values are as far as the settings alone decide it; None where that is too little for a model."""
        return None

    def fit(self, values: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """What the training rows decide, such as a vocabulary or the classes.

        Args:
            values: an array of the source's, first axis the training rows.
            feature: as `feature` gave it.
            place: where they come from, for messages.

        Returns:
            The feature with what was decided, the fitted state as plain values that JSON keeps, and notes.

        Raises:
            RunError: if nothing can be learned from such values.
        """
        return feature, {}, []
