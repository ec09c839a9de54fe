"""Reads columns of one table, CSV or Parquet, as the time series of `kind: timeseries` need them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.config.causes import first_line
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.column import fitting
from dlkit.sources._csv_file import Dialect, broken
from dlkit.sources._csv_head import Head, head_of
from dlkit.sources._csv_lines import Lines
from dlkit.sources._csv_rows import batches_of
from dlkit.sources._csv_words import notes_of
from dlkit.sources._files import must_be_file

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pa, pc, parquet = lazy("pyarrow"), lazy("pyarrow.compute"), lazy("pyarrow.parquet")

KEY: Key = ("data", "source")
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"


@dataclass(frozen=True)
class LongTable:
    """Some columns of a table.

    Attributes:
        path: of its file.
        columns: by name: PyArrow arrays, of text where the file is CSV.
        lines: where each row of a CSV file is; None of Parquet.
        decimal: the decimal mark.
        notes: lines to show the user: how a file is written that is no plain CSV.
    """

    path: Path
    columns: dict[str, Any]
    lines: Lines | None = None
    decimal: str = "."
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def line(self, row: int) -> str:
        """Where a row is, as `sales.csv:18`."""
        return f"{self.path.name}:{row + 1}" if self.lines is None else self.lines.place(row)

    def texts(self, name: str) -> Any:
        """A column as text without spaces around it, a PyArrow array; what is missing is the empty text."""
        return pc.utf8_trim_whitespace(pc.fill_null(pc.cast(self.columns[name], pa.string()), ""))

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers, NaN where a cell is empty: float32, shape (rows,).

        Raises:
            RunError: naming the first cell that is no number, or infinite.
        """
        column = self.columns[name]
        if _is_text(column.type):
            column = self.texts(name)
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            number = NUMBER.replace(r"\.", re.escape(self.decimal))
            words = pc.fill_null(pc.invert(pc.match_substring_regex(column, f"{number}|^(?i:nan)$")), False)
            self._refuse(name, column, words, "not a number")
            column = pc.replace_substring(column, self.decimal, ".")
        elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            message = f"the column `{name}` of {self.path.name} holds {column.type}, not numbers"
            raise table_problem(RunError, "field-type", message, KEY, "choose another column, or turn it into numbers")
        with np.errstate(over="ignore"):  # what became infinite is looked for next
            values = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float32)
        self._refuse(name, self.columns[name], np.isinf(values), "infinite, or too large for float32")
        return values

    def _refuse(self, name: str, column: Any, wrong: Any, what: str) -> None:
        rows = np.flatnonzero(np.asarray(wrong))
        if rows.size:
            value = column[int(rows[0])].as_py()
            message = f"{self.line(int(rows[0]))}: column `{name}` has `{value}`, which is {what}"
            message += f" ({rows.size:,} such rows)" if rows.size > 1 else ""
            raise table_problem(
                RunError, "field-type", message, KEY, "correct it, or leave the cell empty and set `fill:`"
            )


def read_table(
    path: Path, wanted: dict[Key, Collection[str]], encoding: str | None = None
) -> tuple[LongTable, dict[Key, list[str]]]:
    """Columns of a CSV or Parquet file, without any choice of types in CSV.

    Args:
        path: of the file; Parquet where its name ends in `.parquet` or `.pq`, CSV otherwise.
        wanted: names and patterns of columns, by the setting that names them.
        encoding: of a CSV file; None for UTF-8, or what its first bytes state.

    Returns:
        The table, and the columns of each setting.

    Raises:
        ConfigError: no such file or column.
        RunError: the file cannot be read.
    """
    must_be_file(path, (*KEY, "path"), (".csv", ".parquet"))
    head = None if _is_columnar(path) else _head(path, encoding)
    names = column_names(path) if head is None else list(head.names)
    chosen = {key: _chosen(path, key, patterns, names) for key, patterns in wanted.items()}
    read = list(dict.fromkeys(name for some in chosen.values() for name in some))
    if twice := [name for name in read if names.count(name) > 1]:
        message = f"{path} has two columns `{twice[0]}`"
        raise table_problem(RunError, "duplicate-column", message, (*KEY, "path"), "give each column its own name")
    if head is not None:
        return _of_text(path, head, read), chosen
    try:
        table = parquet.read_table(path, columns=read)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    if not len(table):
        raise table_problem(RunError, "no-rows", f"{path} has no rows", (*KEY, "path"), "add rows")
    return LongTable(path, {name: table[name].combine_chunks() for name in read}), chosen


def column_names(path: Path) -> list[str]:
    """The columns of a table in their order, which may have one twice.

    Raises:
        RunError: the file cannot be read.
    """
    if not _is_columnar(path):
        return list(_head(path).names)
    try:
        names: list[str] = parquet.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return names


def _is_columnar(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _head(path: Path, encoding: str | None = None) -> Head:
    return head_of(path, path.name, Dialect(encoding), header=True, names=None)


def _of_text(path: Path, head: Head, read: list[str]) -> LongTable:
    """Columns of a CSV file.

    Raises:
        RunError: naming the first line that cannot be read.
    """
    batches = list(batches_of(path, path.name, head, read))
    if not batches:
        raise broken("no-rows", f"{path.name} has names of columns and no rows", "add rows")
    columns = {name: pa.chunked_array([batch[name] for batch in batches]).combine_chunks() for name in read}
    lines = Lines(path, path.name, head.dialect, head.lines)
    return LongTable(path, columns, lines, head.dialect.decimal or ".", notes_of({path: head}, {path: path.name}, []))


def _chosen(path: Path, key: Key, patterns: Collection[str], names: list[str]) -> list[str]:
    """The columns that names and patterns stand for.

    Raises:
        ConfigError: for one that none fits.
    """
    found: list[str] = []
    for pattern in patterns:
        fit = fitting(pattern, names)
        if not fit:
            message = f"{path.name} has no column `{pattern}`"
            raise table_problem(ConfigError, "unknown-column", message, key, did_you_mean(pattern, names, "it has"))
        found += [name for name in fit if name not in found]
    return found


def _is_text(type: Any) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_null(type))


def _damaged(path: Path, error: Exception) -> DlkitError:
    message = f"{path} cannot be read: {first_line(error)}"
    return table_problem(RunError, "damaged-data", message, (*KEY, "path"), "correct the file, or make it again")


def table_problem(error: type[DlkitError], code: str, message: str, key: Key, help: str) -> DlkitError:
    """The error for what is wrong with a table, at the setting that it concerns."""
    return error(Problem(code, message, key, help=help))
