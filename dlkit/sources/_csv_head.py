"""The beginning of a text file of a table: its encoding, separator and decimal mark, and the names of the columns.

What the settings do not state is taken from the first part of the file.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from dlkit.inputs._decode_text import marked
from dlkit.sources._csv_file import Dialect, broken, open_bytes, reading, rows_of
from dlkit.sources._csv_lines import not_text

HEAD, HEAD_ROWS = 2**20, 500
SEPARATORS = ",;\t|"
_POINT, _COMMA = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?"), re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_NOT_ASCII = re.compile(r"\w*[^\W\x00-\x7f]\w*")
_WHOLE, _THOUSANDS = re.compile(r"[+-]?\d+"), re.compile(r"[+-]?\d{1,3}(,\d{3})+")


@dataclass(frozen=True)
class Head:
    """The beginning of a file.

    Attributes:
        dialect: how the file is written, complete.
        names: of every column.
        lines: how many lines stand before the first row of values.
        doubt: what speaks against the encoding, in a sentence; empty where nothing does.
    """

    dialect: Dialect
    names: tuple[str, ...]
    lines: int
    doubt: str = ""


def head_of(path: Path, called: str, stated: Dialect, header: bool, names: Sequence[str] | None) -> Head:
    """What the beginning of a file says.

    Args:
        path: of the file; compressed where its ending says so, as in `.csv.gz`.
        called: how messages call it.
        stated: what the settings say.
        header: whether the first line names the columns.
        names: of the columns, where the settings have them.

    Raises:
        RunError: it is empty, no text, or its first line names no columns, or two alike.
    """
    with reading(called), open_bytes(path) as file:
        start = file.read(HEAD)
        whole = not file.read(1)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        help = "write a line with the names of the columns, and then the rows"
        raise broken("no-rows", f"{called} is empty", help)
    # What the first bytes state holds whatever the settings say.
    encoding = marked(start) or stated.encoding or _unmarked(start, path, called)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(start, whole).removeprefix("\ufeff")
    if "\0" in text:
        raise not_text(path, called, encoding)
    if not whole:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    separator = stated.separator or _separator(text, stated.quote)
    dialect = replace(stated, encoding=encoding, separator=separator)
    rows = list(islice(rows_of(io.StringIO(text, newline=""), dialect), HEAD_ROWS))
    fields = [row for _, _, row in (rows[1:] if header else rows)]
    dialect = replace(dialect, decimal=stated.decimal or _decimal(fields, separator))
    _, last, first = rows[0]
    if not header:
        found = tuple(names or (f"column_{n}" for n in range(1, len(first) + 1)))
    else:
        found = tuple(names or (name.strip() for name in first))
    _check_names(called, first, found, separator, from_file=header and names is None)
    dialect = replace(dialect, one_column=len(found) == 1)
    return Head(dialect, found, last if header else 0, _doubt(start, encoding, called))


def _doubt(start: bytes, encoding: str, called: str) -> str:
    """What is to be said of a file that is read in another encoding, and whose bytes are UTF-8 as well."""
    if encoding.startswith("utf") or start.isascii():
        return ""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return ""
    word = _NOT_ASCII.search(text)
    if word is None:
        return ""
    read = word.group().encode().decode(encoding, "replace")
    return (
        f"{called} seems to be UTF-8, and it is read as {encoding}: `{word.group()}` becomes `{read}`; save it as "
        f"{encoding}, or with the mark of UTF-8 at its beginning"
    )


def _unmarked(start: bytes, path: Path, called: str) -> str:
    """The encoding of a file that does not state it: UTF-8.

    Raises:
        RunError: it is UTF-16 without its mark, or holds a NUL.
    """
    zeros = [start[n::2].count(0) * 2 / max(1, len(start)) for n in (0, 1)]
    if max(zeros) > 0.3 and min(zeros) < 0.05:
        likely = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        message = f"{called}, line 1: every other byte is zero, as in UTF-16 without its mark"
        raise broken("not-utf-8", message, f"state `encoding: {likely}`, or save the file as UTF-8")
    if b"\0" in start:
        raise not_text(path, called, "utf-8")
    return "utf-8"


def _separator(text: str, quote: str) -> str:
    """The character that cuts most rows into as many fields as the first, which has several; a comma if none does."""
    best, found = (0.0, 0), ","
    for separator in SEPARATORS:
        rows = rows_of(io.StringIO(text, newline=""), Dialect(separator=separator, quote=quote))
        widths = [len(row) for _, _, row in islice(rows, HEAD_ROWS)]
        if widths and widths[0] > 1:
            fit = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
            best, found = max((best, found), (fit, separator), key=lambda pair: pair[0])
    return found


def _decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    """`,` where numbers have a comma and none has a point; between commas, only where they cannot part thousands."""
    fields = [field.strip() for row in rows for field in row]
    commas = [field for field in fields if _COMMA.fullmatch(field)]
    points = any(_POINT.fullmatch(field) for field in fields)
    if not commas or points or (separator == "," and all(_THOUSANDS.fullmatch(field) for field in commas)):
        return "."
    return ","


def _check_names(called: str, first: Sequence[str], names: Sequence[str], separator: str, *, from_file: bool) -> None:
    """Refuse names that are none, or not those of the columns."""
    if len(first) != len(names):
        message = f"{called}:1 has {len(first)} columns, and `names` lists {len(names)}"
        raise broken("file-columns", message, "list a name for every column")
    if from_file and all(_WHOLE.fullmatch(name) or _POINT.fullmatch(name) for name in names):
        message = f"{called}:1 holds {', '.join(names[:5])}, which are numbers and not the names of columns"
        raise broken("no-header", message, "state `header: false`, list `names:`, or add a first line with the names")
    others = [s for s in SEPARATORS if len(names) == 1 and s != separator and s in first[0]]
    if others:
        shown = "\\t" if others[0] == "\t" else others[0]
        message = f"{called}:1 has one column, `{first[0]}`, with a separator inside"
        raise broken("one-column", message, f'state `separator: "{shown}"`, or put quotes around the field')
    for number, name in enumerate(names):
        if name and name in names[:number]:
            message = f"{called}:1 names two columns `{name}`: columns {names.index(name) + 1} and {number + 1}"
            if not from_file:
                message = f"`names` lists `{name}` twice"
            raise broken("duplicate-column", message, "rename one of them in the file, or name all of them by `names:`")
