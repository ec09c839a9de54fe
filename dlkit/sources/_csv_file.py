"""A text file of a table, read as Python's `csv` reads it: its beginning, and the lines of its rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.lazy import lazy
from dlkit.sources._tables import KEY

pa = lazy("pyarrow")

_WORDS = {"\t": "tab"}
_LONGEST_FIELD = 2**31 - 1


@dataclass(frozen=True)
class Dialect:
    """How a file is written, as far as it is known.

    Attributes:
        encoding: name of Python's.
        separator: one character.
        decimal: `.` or `,`.
        quote: one character, or empty for none.
        one_column: whether rows have a single field, so that an empty line is a row without it.
    """

    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    quote: str = '"'
    one_column: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is what people mean by CSV."""
        return (self.separator, self.decimal) == (",", ".") and self.encoding in ("utf-8", "utf-8-sig")

    def in_words(self) -> str:
        """For a note."""
        separator = _WORDS.get(self.separator or "", f"`{self.separator}`")
        return f"separator {separator}, decimal mark `{self.decimal}`, encoding {self.encoding}"

    def options(self) -> Mapping[str, Any]:
        """As Python's `csv` takes it."""
        quoting = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return {"delimiter": self.separator, "quotechar": self.quote or None, "quoting": quoting}


def broken(code: str, message: str, help: str) -> RunError:
    """The error for a file that cannot be used."""
    return RunError(Problem(code, message, KEY, help=help))


@contextmanager
def reading(called: str) -> Iterator[None]:
    """Within the block, what the system or a decompressor raises is reported with the file's name."""
    try:
        yield
    except DlkitError:
        raise
    except PermissionError as error:
        message = f"{called} cannot be read ({error.strerror})"
        raise ConfigError(Problem("missing-file", message, KEY, help="check its permissions")) from None
    except (OSError, EOFError) as error:
        raise broken("damaged-data", f"{called} is damaged ({error})", "make or copy it again") from error


def open_bytes(path: Path) -> Any:
    """The content of a file, decompressed where its ending says that it is compressed."""
    return pa.input_stream(str(path), compression="detect")


def open_text(path: Path, encoding: str, errors: str = "replace") -> IO[str]:
    """The text of a file, its line ends as they are."""
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    return io.TextIOWrapper(io.BufferedReader(open_bytes(path)), encoding, errors=errors, newline="")


def rows_of(text: IO[str], dialect: Dialect) -> Iterator[tuple[int, int, list[str]]]:
    """Each row: the lines that it begins and ends in, from 1, and its fields. Only rows of one column may be empty."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        reader = csv.reader(text, **dialect.options())
        last = 0
        for row in reader:
            if row or dialect.one_column:
                yield last + 1, reader.line_num, row or [""]
            last = reader.line_num
    finally:
        csv.field_size_limit(before)
