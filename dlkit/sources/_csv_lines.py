"""The lines of a text file of a table: where a row is, and where a file that cannot be read goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlkit.config.causes import first_line, printable
from dlkit.config.phrases import count
from dlkit.config.problems import RunError
from dlkit.lazy import lazy
from dlkit.sources._csv_file import Dialect, broken, open_bytes, open_text, reading, rows_of
from dlkit.sources._encodings import proposal

np = lazy("numpy")

_SHOWN = 60
_BLOCK = 2**22


class Lines:
    """The line in which each row of a file begins. The file is looked through when the first one is asked for.

    Args:
        path: of the file.
        called: how messages call it.
        dialect: how it is written.
        skipped: lines before the first row.
    """

    def __init__(self, path: Path, called: str, dialect: Dialect, skipped: int) -> None:
        self._path, self.called, self._dialect, self._skipped = path, called, dialect, skipped
        self._lines: Any = None

    def place(self, row: int) -> str:
        """`people.csv:18`, for the number of a row, from 0."""
        if self._lines is None:
            with reading(self.called), open_text(self._path, self._dialect.encoding or "utf-8") as text:
                starts = (start for start, _, _ in rows_of(text, self._dialect) if start > self._skipped)
                self._lines = np.fromiter(starts, np.int64)
        return f"{self.called}:{self._lines[row]}" if row < len(self._lines) else f"{self.called}, row {row + 1}"


def has_rows(path: Path, dialect: Dialect, skipped: int) -> bool:
    """Whether a file has rows after the lines that are skipped."""
    with open_text(path, dialect.encoding or "utf-8") as text:
        return any(start > skipped for start, _, _ in rows_of(text, dialect))


def unreadable(
    path: Path, called: str, dialect: Dialect, names: Sequence[str], error: BaseException, skipped: int
) -> RunError:
    """What is wrong with a file that Arrow does not read, with its line."""
    with reading(called):
        return (
            _nul(path, called, dialect.encoding or "utf-8")
            or _undecodable(path, called, dialect, names)
            or _ragged(path, called, dialect, names, skipped)
            or broken("damaged-data", f"{called} cannot be read: {first_line(error)}", "write the file again")
        )


def not_text(path: Path, called: str, encoding: str) -> RunError:
    """The error for a file with a NUL."""
    with reading(called):
        found = _nul(path, called, encoding)
    return found or broken("damaged-data", f"{called} holds a NUL", "write the file again")


def _nul(path: Path, called: str, encoding: str) -> RunError | None:
    if encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        with open_text(path, encoding) as text:
            line = next((number for number, line in enumerate(text, 1) if "\0" in line), 0)
    else:
        line = _line_of_nul(path)
    if not line:
        return None
    help = "text has none: the file is damaged, or no text file; write it again"
    return broken("damaged-data", f"{called}:{line} holds a NUL, a byte of value 0", help)


def _line_of_nul(path: Path) -> int:
    """The line of the first NUL, 0 if there is none."""
    line, last = 1, b""
    with open_bytes(path) as file:
        while block := file.read(_BLOCK):
            end = block.find(b"\0")
            part = last + (block if end < 0 else block[:end])
            line += part.count(b"\n") + part.count(b"\r") - part.count(b"\r\n")
            if end >= 0:
                return line
            # A line end of two bytes may be cut apart.
            last = b"\r" if part.endswith(b"\r") else b""
            line -= len(last)
    return 0


def _undecodable(path: Path, called: str, dialect: Dialect, names: Sequence[str]) -> RunError | None:
    encoding = dialect.encoding or "utf-8"
    with open_text(path, encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace") as text:
        marked = ((line, row, list(map(_has_wrong_bytes, row))) for line, _, row in rows_of(text, dialect))
        found = next(((line, row, wrong.index(True)) for line, row, wrong in marked if any(wrong)), None)
    if found is None:
        return None
    line, row, number = found
    name = names[number] if number < len(names) else str(number + 1)
    field = row[number]
    shown = repr(field.encode("utf-8", "surrogateescape")[:_SHOWN])[1:] if "\ufffd" not in field else f"`{field}`"
    message = f"{called}:{line}, column `{name}`: {shown} is no {encoding.upper()}"
    return broken("not-utf-8", message, proposal(path, encoding))


def _has_wrong_bytes(field: str) -> bool:
    return "\ufffd" in field or any("\udc80" <= c <= "\udcff" for c in field if c > "\ud7ff")


def _ragged(path: Path, called: str, dialect: Dialect, names: Sequence[str], skipped: int) -> RunError | None:
    with open_text(path, dialect.encoding or "utf-8") as text:
        rows = (row for row in rows_of(text, dialect) if row[0] > skipped)
        found = next((row for row in rows if len(row[2]) != len(names)), None)
    if found is None:
        return None
    start, stop, row = found
    shown = shortened((dialect.separator or ",").join(row))
    there = "there is 1 column" if len(names) == 1 else f"there are {len(names)} columns"
    message = f"{called}:{start} has {count(len(row), 'field')}, and {there}: `{shown}`"
    help = "put quotes around fields that hold the separator, and an empty field for what is missing"
    if len(names) == 1:
        help = f"remove the lines before the header, which is `{shortened(names[0])}` now"
    if stop > start:
        help = f'the row runs to line {stop}: a quote in it is not closed, perhaps; `quote: ""` takes quotes as text'
    return broken("ragged-row", message, help)


def shortened(text: str) -> str:
    """A text for a message: a line, not too long."""
    text = printable(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
