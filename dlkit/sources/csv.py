"""`kind: csv`: tables in text files, with a separator between fields; one file, several, or some for each split."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit import mapped
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.base import Text
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, expanded
from dlkit.sources import _tables
from dlkit.sources._cells import Cells, has_nul
from dlkit.sources._csv_file import broken, reading
from dlkit.sources._csv_head import Head, head_of
from dlkit.sources._csv_lines import Lines, has_rows, not_text, unreadable
from dlkit.sources._csv_quick import DoubtError, holds_codes, stopping, types_of, without_doubt
from dlkit.sources._csv_words import not_a_number, notes_of, why_text
from dlkit.sources._encodings import written_in
from dlkit.sources._files import fingerprint
from dlkit.sources._text_files import TextFiles

pa, arrow_csv = lazy("pyarrow"), lazy("pyarrow.csv")

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
# Bytes that are read at once, few enough to stay close to the processor, and what a row may have at most; and bytes of
# fields that columns are made of at once, enough to be worth the calls.
BLOCK, LARGEST_ROW, TOGETHER = 2**20, 2**30, 2**22


class CsvSource(TextFiles):
    """Tables in text files (CSV, TSV), whose first line names the columns."""

    also_called = "csv_file, tsv, delimited, text_table, table, dataframe"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **TextFiles.fields_also_called,
        "names": "column_names, header_names",
        "types": "dtype, dtypes, column_types, column_defaults",
    }

    table_endings = ENDINGS

    kind: Literal["csv"]
    path: _tables.Paths = Field(
        description='A file, a pattern such as `"data/*.csv"`, a list of them, or one for each split: '
        "`{train: a.csv, test: b.csv}`. Without splits, all rows are those of `train`."
    )
    header: bool | None = Field(
        None, description="Whether the first line names the columns; null if `names` does not name them."
    )
    names: Annotated[list[Text], Field(min_length=1)] | None = Field(
        None, description="Names of all columns, instead of those of the first line."
    )
    types: dict[str, Literal["number", "text"]] = Field(
        default_factory=dict, description="What columns are, by name, where their fields say something else."
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A file with such an ending, or a folder that has one for training and one for test."""
        if (file := asked.file(*ENDINGS)) is not None:
            encoding, why = written_in(file)
            stated = {"encoding": encoding} if encoding else {}
            reason = f"a table in a text file{f'; {why}' if why else ''}"
            return SourceGuess(0.9, {"kind": "csv", "path": str(file), **stated}, reason)
        splits = _tables.splits_in(asked.path, ENDINGS)
        if "train" not in splits or len(splits) < 2:
            return None
        paths = {split: str(path) for split, path in splits.items()}
        return SourceGuess(0.9, {"kind": "csv", "path": paths}, "a folder with a table for each split")

    def open(self, wanted: Collection[str] = (), *, as_text: Collection[str] = ()) -> SourceData:
        """The wanted columns of every file. Their types follow from all fields of all files, but for those `as_text`.

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
        words, limit = [str(word) for word in self.missing], mapped.LIMIT // max(1, len(read))
        kinds = {**self.types, **dict.fromkeys(expanded(as_text, names), "text")}
        for quick in (True, False):
            columns = {n: Cells(n, kinds.get(n), words, limit=limit) for n in read}  # type: ignore[arg-type]
            with contextlib.suppress(DoubtError):
                rows = _read(files, heads, called, list(columns.values()), quick=quick)
                break
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

    def open_table(self, wanted: Collection[str], as_text: Collection[str]) -> SourceData:
        """The wanted columns, in which numbers stay text where a model was trained on text."""
        types = {name: kind for name, kind in self.types.items() if name in wanted}
        return self.model_copy(update={"types": types}).open(wanted, as_text=as_text)

    def _head(self, file: Path, called: str) -> Head:
        header = self.names is None if self.header is None else self.header
        return head_of(file, called, self.dialect, header, self.names)

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
    *,
    quick: bool = False,
) -> dict[Path, int]:
    """Read columns of all files, and count the rows of each; without columns, only that.

    Raises:
        DoubtError: if they are read in the quick way, and have to be read as text.
    """
    rows: dict[Path, int] = {}
    names = [column.name for column in columns]
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers + quick) as pool, stopping() as stop:
        for split, file in ((split, file) for split, some in files.items() for file in some):
            head, seen, work = heads[file], 0, list[Future[None]]()
            batches = _batches(file, called[file], head, names or [next(filter(None, head.names))])
            if quick:
                types = types_of(file, head.dialect, columns, batches)
                codes = pool.submit(holds_codes, file, head.dialect, stop)
                batches = without_doubt(_reader(file, called[file], head, names, BLOCK, types), codes)
            for batch in _together(batches):
                # The next rows are read while columns are made of the last ones.
                for done in work:
                    done.result()
                pairs = list(zip(columns, batch.columns, strict=False))
                shares = [pairs[first::workers] for first in range(min(workers, len(pairs)))]
                work = [pool.submit(_add, share, split, head.dialect.decimal or ".", file, seen) for share in shares]
                seen += len(batch)
            for done in work:
                done.result()
            if not seen:
                raise broken("no-rows", f"{called[file]} has names of columns and no rows", "add rows")
            rows[file] = seen
    pa.default_memory_pool().release_unused()
    if quick and any(column.in_doubt for column in columns):
        raise DoubtError
    return rows


def _add(share: Sequence[tuple[Cells, Any]], split: str, decimal: str, file: Path, start: int) -> None:
    for column, cells in share:
        if cells.type == pa.string():
            column.add(split, cells, decimal, file, start)
        elif not column.add_numbers(split, cells):
            raise DoubtError


def _together(batches: Iterator[Any]) -> Iterator[Any]:
    """Successive rows in fewer parts."""
    held, size = [], 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= TOGETHER:
            yield _joined(held)
            held, size = [], 0
    if held:
        yield _joined(held)


def _joined(batches: list[Any]) -> Any:
    return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _batches(file: Path, called: str, head: Head, columns: Sequence[str]) -> Iterator[Any]:
    """The rows of a file, some at a time: strings, null where a field is empty."""
    block, done = BLOCK, 0
    while True:
        seen = 0
        try:
            for batch in _reader(file, called, head, columns, block):
                start, seen = seen, seen + len(batch)
                if any(map(has_nul, batch.columns)):
                    raise not_text(file, called, head.dialect.encoding or "utf-8")
                if seen > done:
                    yield batch.slice(max(0, done - start))
                    done = seen
            return
        except pa.ArrowInvalid as error:
            too_small = "straddl" in str(error) or "could not skip" in str(error).lower()
            if too_small and not has_rows(file, head.dialect, head.lines):
                return
            if not too_small or block >= LARGEST_ROW:
                raise unreadable(file, called, head.dialect, head.names, error, head.lines) from error
            block *= 16  # a row is longer than that
        except UnicodeError as error:
            raise unreadable(file, called, head.dialect, head.names, error, head.lines) from error


def _reader(
    file: Path, called: str, head: Head, columns: Sequence[str], block: int, types: Mapping[str, Any] | None = None
) -> Iterator[Any]:
    dialect = head.dialect
    # Names that are empty or the same are those of columns that nobody reads.
    names = [name if name in columns else f"\0{number}" for number, name in enumerate(head.names)]
    encoding = "utf8" if dialect.encoding in ("utf-8", "utf-8-sig") else dialect.encoding
    with reading(called), pa.input_stream(str(file), compression="detect") as stream:
        yield from arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(block_size=block, column_names=names, skip_rows=head.lines, encoding=encoding),
            arrow_csv.ParseOptions(
                delimiter=dialect.separator,
                quote_char=dialect.quote or False,
                newlines_in_values=bool(dialect.quote),
                ignore_empty_lines=not dialect.one_column,
            ),
            arrow_csv.ConvertOptions(
                column_types={**dict.fromkeys(columns, pa.string()), **(types or {})},
                include_columns=columns,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
