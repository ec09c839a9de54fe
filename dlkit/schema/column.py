"""What inputs and targets share: the columns of the source that they read, and what the training rows decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from dlkit.config.problems import Key, Problem
from dlkit.schema import looking
from dlkit.schema.base import Section, Text
from dlkit.schema.features import Feature
from dlkit.schema.fitted import Fitted, Nothing, State

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
    # What only the data say where `without_source` is None, and what the settings can say instead.
    from_data: ClassVar[str] = ""
    instead_of_data: ClassVar[str] = ""
    # The type of the state that `fit` gives.
    state_type: ClassVar[type[Fitted]] = Nothing
    # Whether `draw` makes a picture of an example; else it is shown in words.
    pictured: ClassVar[bool] = False
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

    def check_state(self, state: State, feature: Feature) -> None:
        """Refuse a state, read from a file, that `fit` cannot have given.

        Args:
            state: what `fit` gave.
            feature: the raw form, as that file has it.

        Raises:
            ValueError: if it is of other types, or contradicts itself or the feature.
        """
        self.state_type.model_validate(dict(state))

    # Looking at examples.

    def summary(self, values: Any, bound: Any) -> looking.Summary:
        """What is worth knowing of some examples, as words with a value each; see `dlkit.schema.looking`.

        Args:
            values: as a split holds them, first axis the examples; an array of arrays where shapes differ.
            bound: the input or target.
        """
        return looking.of_numbers(values, bound.columns)

    def in_words(self, value: Any, bound: Any) -> str:
        """One example in a line, as a split holds it."""
        return looking.in_words(value)


def is_pattern(name: str) -> bool:
    """Whether a name stands for several columns."""
    return any(c in name for c in "*?[")


def fitting(pattern: str, names: Collection[str]) -> list[str]:
    """The column of that name, or those that fit the pattern, by the alphabet: their order in a source says nothing."""
    if pattern in names or not is_pattern(pattern):
        return [pattern] if pattern in names else []
    return sorted(name for name in names if fnmatchcase(name, pattern))
