"""The rows of a text file of a table, as Arrow reads them: some at a time, every field as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dlkit.lazy import lazy
from dlkit.sources._cells import has_nul
from dlkit.sources._csv_file import reading
from dlkit.sources._csv_head import Head
from dlkit.sources._csv_lines import has_rows, not_text, unreadable

pa, arrow_csv = lazy("pyarrow"), lazy("pyarrow.csv")

# Bytes that are read at once, and what a row may have at most.
BLOCK, LARGEST_ROW = 2**20, 2**30


def batches_of(file: Path, called: str, head: Head, columns: Sequence[str]) -> Iterator[Any]:
    """The rows of a file, some at a time: strings, null where a field is empty.

    Args:
        file: that is read.
        called: how messages call it.
        head: what its beginning says.
        columns: that are read, by name.

    Raises:
        RunError: naming the first line that cannot be read.
    """
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


def _reader(file: Path, called: str, head: Head, columns: Sequence[str], block: int) -> Iterator[Any]:
    dialect = head.dialect
    # Names that are empty or the same are those of columns that nobody reads.
    names = [name if name in columns else f"\0{number}" for number, name in enumerate(head.names)]
    encoding = "utf8" if dialect.encoding in ("utf-8", "utf-8-sig") else dialect.encoding
    with reading(called), pa.input_stream(str(file), compression="detect") as stream:
        yield from arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(block_size=block, column_names=names, skip_rows=head.lines, encoding=encoding),
            arrow_csv.ParseOptions(
                delimiter=dialect.separator, quote_char=dialect.quote or False, newlines_in_values=bool(dialect.quote)
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=columns,
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
