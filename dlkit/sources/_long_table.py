"""Reads columns of one table, CSV or Parquet, as the time series of `kind: timeseries` need them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.config.causes import first_line
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.column import fitting

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pa, pc, csv, parquet = (lazy(f"pyarrow{name}") for name in ("", ".compute", ".csv", ".parquet"))

KEY: Key = ("data", "source")
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"


@dataclass(frozen=True)
class LongTable:
    """Some columns of a table.

    Attributes:
        path: of its file.
        columns: by name: PyArrow arrays, of text where the file is CSV.
        first_line: number of the line of the first row in its file.
    """

    path: Path
    columns: dict[str, Any]
    first_line: int

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def line(self, row: int) -> str:
        """Where a row is, as `sales.csv:18`."""
        return f"{self.path.name}:{row + self.first_line}"

    def texts(self, name: str) -> Any:
        """A column as text without spaces around it, a PyArrow array; what is missing is the empty text.

        Raises:
            RunError: naming the first row with a zero byte, as files have them whose end was never written.
        """
        texts = pc.utf8_trim_whitespace(pc.fill_null(pc.cast(self.columns[name], pa.string()), ""))
        rows = np.flatnonzero(np.asarray(pc.match_substring(texts, "\0")))
        if rows.size:
            where = f"{self.path} is damaged: column `{name}` has a zero byte at {self.line(int(rows[0]))}"
            raise table_problem(RunError, "damaged-data", where, (*KEY, "path"), "make or copy the file again")
        return texts

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers, NaN where a cell is empty: float32, shape (rows,).

        Raises:
            RunError: naming the first cell that is no number, or infinite.
        """
        column = self.columns[name]
        if _is_text(column.type):
            column = self.texts(name)
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            words = pc.fill_null(pc.invert(pc.match_substring_regex(column, f"{NUMBER}|^(?i:nan)$")), False)
            self._refuse(name, column, words, "not a number")
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


def read_table(path: Path, wanted: dict[Key, Collection[str]]) -> tuple[LongTable, dict[Key, list[str]]]:
    """Columns of a CSV or Parquet file, without any choice of types in CSV.

    Args:
        path: of the file; Parquet where its name ends in `.parquet` or `.pq`, CSV otherwise.
        wanted: names and patterns of columns, by the setting that names them.

    Returns:
        The table, and the columns of each setting.

    Raises:
        ConfigError: no such file or column.
        RunError: the file cannot be read.
    """
    if not path.is_file():
        nearby = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        help = did_you_mean(path.name, nearby, "the folder has") if nearby else "check the path"
        raise table_problem(ConfigError, "missing-file", f"there is no file {path}", (*KEY, "path"), help)
    names, columnar = column_names(path), _is_columnar(path)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"{path} has two columns `{twice[0]}`"
        raise table_problem(RunError, "damaged-data", message, (*KEY, "path"), "give each column its own name")
    chosen = {key: _chosen(path, key, patterns, names) for key, patterns in wanted.items()}
    read = list(dict.fromkeys(name for some in chosen.values() for name in some))
    try:
        table = parquet.read_table(path, columns=read) if columnar else _read_csv(path, read)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    if not len(table):
        raise table_problem(RunError, "empty-split", f"{path} has no rows", (*KEY, "path"), "check the file")
    columns = {name: table[name].combine_chunks() for name in read}
    return LongTable(path, columns, 1 if columnar else 2), chosen


def column_names(path: Path) -> list[str]:
    """The columns of a table in their order, which may have one twice.

    Raises:
        RunError: the file cannot be read.
    """
    try:
        names: list[str] = parquet.read_schema(path).names if _is_columnar(path) else _header(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return names


def _is_columnar(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _header(path: Path) -> list[str]:
    with csv.open_csv(path) as reader:
        names: list[str] = reader.schema.names
        return names


def _read_csv(path: Path, names: list[str]) -> Any:
    options = csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()))
    return csv.read_csv(path, convert_options=options)


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
