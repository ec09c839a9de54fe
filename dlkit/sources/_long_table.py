"""Columns of a table, of text files or Parquet, as the time series of `kind: timeseries` need them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.column import fitting
from dlkit.schema.source import SourceData
from dlkit.sources import parquet
from dlkit.sources._timestamps import Times
from dlkit.sources.csv import CsvSource
from dlkit.sources.parquet import ParquetSource

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

KEY: Key = ("data", "source")


@dataclass(frozen=True)
class LongTable:
    """Some columns of a table.

    Attributes:
        source: the table, opened.
        columns: by name: numbers, text or dates of NumPy's.
    """

    source: SourceData
    columns: dict[str, Any]

    def __len__(self) -> int:
        return self.source.sizes["train"] or 0

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.source.name

    def line(self, row: int) -> str:
        """Where a row is, as `sales.csv:18`."""
        assert self.source.place is not None
        return self.source.place("train", row)

    def lines(self, first: int, last: int) -> str:
        """Where several rows are, as `sales.csv:18 to 53`."""
        begin, end = self.line(first), self.line(last)
        number = end[len(end.rstrip("0123456789")) :]
        same = begin.rstrip("0123456789") == end.removesuffix(number)
        return f"{begin} to {number if same else end}"

    def times(self, name: str) -> Times:
        """A column as timestamps, which are still to be read."""
        return Times(name, self.name, self.columns[name], self.line, (*KEY, "time"), (*KEY, "time_format"))

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers, NaN where a cell is empty: float32, shape (rows,).

        Raises:
            RunError: naming the first cell that is no number, or infinite.
        """
        column, help = self.columns[name], "correct it, or leave the cell empty and set `fill:`"
        if column.dtype.kind not in "iuf":
            field = self.source.fields[name]
            message = f"the column `{name}` of {self.name} holds {field.dtype}, not numbers"
            if field.why_text is not None:
                message = f"{field.why_text()[0]}, which is no number"
            raise table_problem(RunError, "field-type", message, KEY, help)
        with np.errstate(over="ignore"):  # what became infinite is looked for next
            values: np.ndarray = column.astype(np.float32)
        rows = np.flatnonzero(np.isinf(values))
        if rows.size:
            where = f"{self.line(int(rows[0]))}, column `{name}`, holds `{column[rows[0]]}`"
            message = f"{where}, which is infinite, or too large for float32"
            message += f" ({rows.size:,} such rows)" if rows.size > 1 else ""
            raise table_problem(RunError, "field-type", message, KEY, help)
        return values


def read_table(
    path: Any, wanted: dict[Key, Collection[str]], *, as_text: Collection[str] = (), **written: Any
) -> tuple[LongTable, dict[Key, list[str]]]:
    """Columns of a table in one file or several.

    Args:
        path: a file, a pattern, or a list of them; Parquet where the first one ends so, text otherwise.
        wanted: names and patterns of columns, by the setting that names them.
        as_text: columns of text files whose fields stay as they are.
        written: how text files are written, as settings of `kind: csv`.

    Returns:
        The table, and the columns of each setting.

    Raises:
        ConfigError: no such file or column.
        RunError: a file cannot be read.
    """
    patterns = [pattern for some in wanted.values() for pattern in some]
    if is_columnar(path):
        source = ParquetSource.model_validate({"kind": "parquet", "path": path}).open(patterns)
    else:
        source = CsvSource.model_validate({"kind": "csv", "path": path, **written}).open(patterns, as_text=as_text)
    names = [*source.fields, *source.others]
    chosen = {key: _chosen(source.name, key, some, names) for key, some in wanted.items()}
    assert source.arrays is not None
    arrays = source.arrays("train")
    for key, some in chosen.items():
        if unreadable := next((name for name in some if name not in arrays), None):
            message = f"the column `{unreadable}` of {source.name} holds {source.fields[unreadable].dtype}"
            raise table_problem(RunError, "field-type", message, key, "choose another column")
    return LongTable(source, dict(arrays)), chosen


def is_columnar(path: Any) -> bool:
    """Whether a path, or the first of several, is of Parquet."""
    return first_of(path).suffix.lower() in parquet.ENDINGS


def first_of(path: str | Path | Sequence[str]) -> Path:
    """The path, or the first one of several."""
    return Path(path[0] if isinstance(path, list) else path)  # type: ignore[arg-type]


def _chosen(called: str, key: Key, patterns: Collection[str], names: list[str]) -> list[str]:
    """The columns that names and patterns stand for.

    Raises:
        ConfigError: for one that none fits.
    """
    found: list[str] = []
    for pattern in patterns:
        fit = fitting(pattern, names)
        if not fit:
            message = f"{called} has no column `{pattern}`"
            raise table_problem(ConfigError, "unknown-column", message, key, did_you_mean(pattern, names, "it has"))
        found += [name for name in fit if name not in found]
    return found


def table_problem(error: type[DlkitError], code: str, message: str, key: Key, help: str) -> DlkitError:
    """The error for what is wrong with a table, at the setting that it concerns."""
    return error(Problem(code, message, key, help=help))
