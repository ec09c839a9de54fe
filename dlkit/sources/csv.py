"""`kind: csv`: tables in text files, with a separator between fields; one file, several, or some for each split."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.schema.base import Text
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings, expanded
from dlkit.sources import _tables
from dlkit.sources._cells import Cells
from dlkit.sources._csv_file import Dialect, Encoding, broken
from dlkit.sources._csv_head import Head, head_of
from dlkit.sources._csv_lines import Lines
from dlkit.sources._csv_rows import batches_of
from dlkit.sources._csv_words import not_a_number, notes_of, why_text
from dlkit.sources._files import fingerprint

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")


def _separator(given: str) -> str:
    """One character; a tab may also be written as a word, or as in Python."""
    character = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(given, given)
    if len(character) != 1 or not character.isascii() or character in "\r\n\"'":
        raise ValueError("it must be one character, such as `;`, or `tab`")
    return character


class CsvSource(SourceSettings):
    """Tables in text files (CSV, TSV), whose first line names the columns."""

    also_called = "csv_file, tsv, delimited, text_table, table, dataframe"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "path": "file, files, paths, filename, file_name, filepath, file_pattern, csv_path, data_path",
        "separator": "sep, delimiter, delim, field_delim",
        "decimal": "decimal_point, decimal_mark",
        "quote": "quotechar, quote_char",
        "names": "column_names, header_names",
        "missing": "na_values, na_value, null_values, missing_values",
        "types": "dtype, dtypes, column_types, column_defaults",
    }

    kind: Literal["csv"]
    path: _tables.Paths = Field(
        description='A file, a pattern such as `"data/*.csv"`, a list of them, or one for each split: '
        "`{train: a.csv, test: b.csv}`. Without splits, all rows are those of `train`."
    )
    separator: Annotated[str, AfterValidator(_separator)] | None = Field(
        None, description="The character between fields, or `tab`; null for what most rows agree on."
    )
    decimal: Literal[".", ","] | None = Field(None, description="The decimal mark; null for what the numbers have.")
    encoding: Encoding | None = Field(
        None, description="Such as `cp1252` or `gb18030`; null for UTF-8, or what the first bytes of a file state."
    )
    quote: str = Field('"', max_length=1, description="The character around fields; empty where there is none.")
    header: bool | None = Field(
        None, description="Whether the first line names the columns; null if `names` does not name them."
    )
    names: Annotated[list[Text], Field(min_length=1)] | None = Field(
        None, description="Names of all columns, instead of those of the first line."
    )
    missing: list[str | int | float] = Field(
        default_factory=list,
        description="Further words that stand for a missing field. In text only the empty field does, in numbers also "
        "NA, NaN, null and the like.",
    )
    types: dict[str, Literal["number", "text"]] = Field(
        default_factory=dict, description="What columns are, by name, where their fields say something else."
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A file with such an ending, or a folder that has one for training and one for test."""
        if (file := asked.file(*ENDINGS)) is not None:
            return SourceGuess(0.9, {"kind": "csv", "path": asked.written(file)}, "a table in a text file")
        splits = _tables.splits_in(asked.path, ENDINGS)
        if "train" not in splits or len(splits) < 2:
            return None
        paths = {split: asked.written(path) for split, path in splits.items()}
        return SourceGuess(0.9, {"kind": "csv", "path": paths}, "a folder with a table for each split")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The wanted columns of every file. Their types follow from all fields of all files.

        Raises:
            ConfigError: a file that is not there, or settings that do not fit.
            RunError: a file that cannot be read, with the line.
        """
        files = _tables.files_of(self.path, ENDINGS)
        called = _tables.names_of(files)
        heads = {file: self._head(file, name) for file, name in called.items()}
        names = list(dict.fromkeys(name for head in heads.values() for name in head.names if name))
        self._check_types(names)
        read = [name for name in expanded(wanted, names) if name in names]
        _tables.same_columns({file: head.names for file, head in heads.items()}, read, called)
        columns = {n: Cells(n, self.types.get(n), [str(word) for word in self.missing]) for n in read}
        rows = _read(files, heads, called, list(columns.values()))
        lines = {file: Lines(file, called[file], heads[file].dialect, heads[file].lines) for file in called}
        for column in columns.values():
            column.finish()
            if column.kind == "number" and not column.numbers:
                raise not_a_number(column, lines, heads)
        if again := {name: column.again_as_text() for name, column in columns.items() if column.mixed}:
            _read(files, heads, called, list(again.values()))
            columns |= again
        sizes = {split: [(file, rows[file]) for file in some] for split, some in files.items()}
        held: dict[str, dict[str, Any]] = {}

        def arrays(split: str) -> Mapping[str, Any]:
            if split not in held:
                held[split] = {name: column.array(split) for name, column in columns.items()}
            return held[split]

        return SourceData(
            _tables.title(files),
            {split: sum(size for _, size in some) for split, some in sizes.items()},
            {name: _field(column, lines, heads) for name, column in columns.items()},
            arrays,
            notes=notes_of(heads, called, columns.values()),
            others=tuple(name for name in names if name not in columns),
            place=_tables.places(sizes, lambda file, row: lines[file].place(row)),
            fingerprint=fingerprint(files, self.model_dump(exclude={"path"})),
        )

    def _head(self, file: Path, called: str) -> Head:
        stated = Dialect(self.encoding, self.separator, self.decimal, self.quote)
        header = self.names is None if self.header is None else self.header
        return head_of(file, called, stated, header, self.names)

    def _check_types(self, names: Sequence[str]) -> None:
        for name in self.types:
            if name not in names:
                key: Key = ("data", "source", "types", name)
                message, help = f"the source has no column `{name}`", did_you_mean(name, names, "its columns are")
                raise ConfigError(Problem("unknown-column", message, key, help=help))


def _field(column: Cells, lines: Mapping[Path, Lines], heads: Mapping[Path, Head]) -> SourceField:
    if column.numbers:
        return SourceField((), column.dtype)
    return SourceField((), "string", why_text=partial(why_text, column, lines, heads))


def _read(
    files: Mapping[str, Sequence[Path]],
    heads: Mapping[Path, Head],
    called: Mapping[Path, str],
    columns: Sequence[Cells],
) -> dict[Path, int]:
    """Read columns of all files, and count the rows of each; without columns, only that."""
    rows: dict[Path, int] = {}
    names = [column.name for column in columns]
    with ThreadPoolExecutor() as pool:  # Arrow and NumPy convert columns side by side
        for split, file in ((split, file) for split, some in files.items() for file in some):
            head, seen = heads[file], 0
            for batch in batches_of(file, called[file], head, names or [next(filter(None, head.names))]):
                decimal = head.dialect.decimal or "."
                work = [
                    pool.submit(column.add, split, cells, decimal, file, seen)
                    for column, cells in zip(columns, batch.columns, strict=False)
                ]
                for done in work:
                    done.result()
                seen += len(batch)
            if not seen:
                raise broken("no-rows", f"{called[file]} has names of columns and no rows", "add rows")
            rows[file] = seen
    return rows
