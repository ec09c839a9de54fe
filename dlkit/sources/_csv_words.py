"""What is said about text files: why a column is text, what was taken as missing, how they are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dlkit.config.problems import Problem, RunError
from dlkit.sources._cells import Cells
from dlkit.sources._csv_head import Head
from dlkit.sources._csv_lines import Lines, shortened

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|\d{1,2}:\d{2}(:\d{2})?.*")
_CODE, _LONG = re.compile(r"[+-]?0[\dxX]\S*"), re.compile(r"[+-]?\d{16,}")
_COMMAS, _POINTS = re.compile(r"[+-]?[\d,]*,\d+(\.\d+)?"), re.compile(r"[+-]?[\d.]*\.\d+(,\d+)?")
_FLAGS = {"yes", "no", "y", "n", "true", "false", "t", "f", "on", "off"}


def why_text(column: Cells, lines: Mapping[Path, Lines], heads: Mapping[Path, Head]) -> tuple[str, str]:
    """The first field of a column that is no number, with its place, and what to do about it."""
    if column.first_text is None:
        return f"`types` says so of `{column.name}`", f"state `types: {{{column.name}: number}}`, or leave it out"
    file, row, value = column.first_text
    words = f"{lines[file].place(row)}, column `{column.name}`, holds `{shortened(value)}`"
    return words, _help(column.name, value.strip(), heads[file].dialect.decimal or ".")


def _help(name: str, value: str, decimal: str) -> str:
    """What to do about a field that is no number."""
    if _DATE.fullmatch(value):
        return (
            "a date or a time is text: make numbers of it in the file, such as the days since one of them or the month"
        )
    if _CODE.fullmatch(value):
        return f"a zero in front makes a code of it: use `kind: category`, or state `types: {{{name}: number}}`"
    if _LONG.fullmatch(value):
        return f"a number would lose digits: use `kind: category`, or state `types: {{{name}: number}}`"
    if value.lower() in _FLAGS:
        return "use `kind: category`; for a target, `kind: binary`"
    if decimal == "." and _COMMAS.fullmatch(value):
        return 'state `decimal: ","` if the comma is one, or remove the commas that part thousands'
    if decimal == "," and _POINTS.fullmatch(value):
        return 'state `decimal: "."` if the point is one, or remove the points that part thousands'
    return (
        f"correct it, list it as in `missing: [{shortened(value)}]` if it stands for no value, or use `kind: category`"
    )


def not_a_number(column: Cells, lines: Mapping[Path, Lines], heads: Mapping[Path, Head]) -> RunError:
    """The error for a column that the settings say is of numbers."""
    words, help = why_text(column, lines, heads)
    message = f"{words}, which is no number"
    return RunError(Problem("field-type", message, ("data", "source", "types", column.name), help=help))


def notes_of(heads: Mapping[Path, Head], called: Mapping[Path, str], columns: Collection[Cells]) -> tuple[str, ...]:
    """How files are written that are no plain CSV, which words were taken as missing, what takes memory."""
    notes = []
    for dialect in dict.fromkeys(head.dialect for head in heads.values()):
        files = [called[file] for file, head in heads.items() if head.dialect == dialect]
        if not dialect.plain:
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            notes.append(f"{files[0]}{more}: {dialect.in_words()}")
    notes += [head.doubt for head in heads.values() if head.doubt]
    for column in columns:
        if column.missing:
            counts = ", ".join(f"`{word}` ({count:,})" for word, count in column.missing.most_common(5))
            notes.append(f"`{column.name}`: {counts} taken as missing")
    if large := [column for column in columns if column.why_not_mapped]:
        which = f"`{large[0].name}` is" if len(large) == 1 else f"{len(large)} large columns are"
        where = f"{large[0].why_not_mapped}; set DLKIT_CACHE to another folder"
        notes.append(f"{which} held in memory, since nothing can be written to {where}")
    return tuple(notes)
