"""Which columns of the source an input or target reads: `column: name`, or `columns:` with a list or a pattern."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from dlkit.config.problems import Key, Problem
from dlkit.schema.base import Text

ALSO_CALLED = {"column": "field, key, col, from", "columns": "fields, cols"}

Column = Annotated[str, Field(min_length=1)] | None
Columns = Annotated[list[Text], Field(min_length=1)] | Annotated[str, Field(min_length=1)] | None


def wanted_columns(name: str, column: str | None, columns: list[str] | str | None) -> tuple[str, ...]:
    """The columns that are read, patterns as they are written; the one of this name where none is given."""
    if columns is not None:
        return (columns,) if isinstance(columns, str) else tuple(columns)
    return (name if column is None else column,)


def is_pattern(name: str) -> bool:
    """Whether a name stands for several columns."""
    return any(c in name for c in "*?[")


def fitting(pattern: str, names: Collection[str]) -> list[str]:
    """The column of that name, or those that fit the pattern, by the alphabet: their order in a source says nothing."""
    if pattern in names or not is_pattern(pattern):
        return [pattern] if pattern in names else []
    return sorted(name for name in names if fnmatchcase(name, pattern))


def column_rules(key: Key, column: str | None, columns: list[str] | str | None) -> Iterator[Problem]:
    """Either one column is given or several, and each of them once."""
    if column is not None and columns is not None:
        message = "`column` and `columns` both say what is read"
        yield Problem("contradiction", message, (*key, "columns"), label="keep one of them")
    if isinstance(columns, list):
        for number, name in enumerate(columns):
            if name in columns[:number]:
                message, place = f"the column `{name}` is listed twice", (*key, "columns", number)
                yield Problem("contradiction", message, place, label=f"also item {columns.index(name)}")
