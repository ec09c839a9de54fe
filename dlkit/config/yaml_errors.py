"""What PyYAML's syntax errors mean, in words for the person who wrote the line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import yaml

from dlkit.config.problems import Location, Problem

Locate = Callable[[Any, Any], Location]


def control_character(error: Any, text: str, locate: Locate) -> Problem:
    """The problem of a character that YAML does not allow."""
    code = error.character if isinstance(error.character, int) else ord(error.character)
    position = error.position
    before = text[:position]
    mark = yaml.Mark("", position, before.count("\n"), position - (before.rfind("\n") + 1), None, 0)
    return Problem(
        "control-character",
        f"the character U+{code:04X} is not allowed in YAML",
        location=locate(mark, mark),
        label="remove it, or write it as an escape in double quotes",
    )


def impossible_escape(text: str, locate: Locate) -> Problem:
    """The problem of an escape for a character beyond the last one, U+10FFFF."""
    escapes = re.finditer(r"\\U([0-9a-fA-F]{8})", text)
    match = next((m for m in escapes if int(m[1], 16) > sys.maxunicode), None)
    start, end = match.span() if match else (0, 1)
    line, column = text.count("\n", 0, start), start - (text.rfind("\n", 0, start) + 1)
    first, last = (yaml.Mark("", at, line, column + at - start, None, 0) for at in (start, end))
    return Problem(
        "control-character",
        f"there is no character `{match[0] if match else ''}`: the last one is U+10FFFF",
        location=locate(first, last),
        label="remove it, or write the character itself",
    )


def syntax_problem(error: yaml.MarkedYAMLError, text: str, locate: Locate) -> Problem:
    """The problem of text that is not YAML."""
    raw, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark or yaml.Mark("", 0, 0, 0, None, 0)
    start = error.context_mark or mark
    tab = _leading_tab(text, mark.line)
    if tab is not None or "'\\t'" in raw:
        place = locate(*tab) if tab else locate(mark, mark)
        return Problem(
            "tab-character",
            "a tab stands where YAML wants spaces",
            location=place,
            label="a tab",
            help="indent with spaces; most editors can convert tabs",
        )
    message, at, label, help_ = f"this is not YAML: {raw or error}", mark, "", ""
    if "mapping values are not allowed" in raw:
        message = "a `:` is not expected here"
        label = "either the indentation is wrong or a line before is not finished"
        help_ = "text that holds `: ` must be in quotes; two settings in one line need `{a: 1, b: 2}`"
    elif "could not find expected ':'" in raw:
        message, at, label = "a key without its `:`", start, "write `key: value`"
    elif "found unexpected end of stream" in raw or "unexpected document" in raw:
        message, at, label = "a quote is opened and never closed", start, "opened here"
    elif "expected ',' or" in raw:
        closing = "]" if "']'" in raw else "}"
        message, label = f"expected `,` or `{closing}`", f"bracket opened in line {start.line + 1}"
        help_ = "close the bracket, or put text with special characters in quotes"
    elif "block end" in raw:
        message, label = "the indentation does not fit the lines before", f"the block starts in line {start.line + 1}"
        help_ = "settings of one section start in the same column"
    elif "cannot start any token" in raw:
        character = raw.removeprefix("found character").removesuffix("that cannot start any token").strip()
        message, help_ = f"a value cannot start with {character}", "put text that starts so in quotes"
    elif "expected alphabetic or numeric character" in raw:
        message, help_ = f"{context}: {raw}", "text that starts with `*`, `&` or `!` must be in quotes"
    return Problem("invalid-yaml", message, location=locate(at, at), label=label, help=help_)


def _leading_tab(text: str, line: int) -> tuple[Any, Any] | None:
    """The marks around a tab in the indentation of a line or of the lines before it."""
    index = 0
    for number, content in enumerate(text.split("\n")[: line + 1]):
        indent = len(content) - len(content.lstrip(" \t"))
        column = content[:indent].find("\t")
        if column >= 0 and content.strip():
            return tuple(yaml.Mark("", index + c, number, c, None, 0) for c in (column, column + 1))  # type: ignore[return-value]
        index += len(content) + 1
    return None
