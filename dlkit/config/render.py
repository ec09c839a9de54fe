"""Problems as text, in the manner of a compiler, and as JSON."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from dlkit.config.phrases import count, listed
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Location, Problem
from dlkit.config.tree import dotted

MAX_WIDTH = 110

_BOLD, _RED, _YELLOW, _BLUE, _CYAN, _RESET = "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[36m", "\x1b[0m"


def render(problems: Iterable[Problem], *, colour: bool = False) -> str:
    """Every problem with its place and a last line that counts them; ends in a line break, empty for none."""
    problems = list(problems)
    if not problems:
        return ""
    blocks = [_block(problem, colour) for problem in problems]
    return "\n\n".join([*blocks, _count(problems)]) + "\n"


def print_problems(problems: Iterable[Problem], stream: TextIO) -> None:
    """Write problems to a stream, in colour if it is a terminal and NO_COLOR is not set."""
    stream.write(render(problems, colour=wants_colour(stream)))


def wants_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which colours are welcome (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def to_json(problems: Iterable[Problem]) -> dict[str, Any]:
    """Problems as plain data for other programs.

    Returns:
        `{"problems": [...]}`, each with `code`, `severity`, `message`, `key` (dotted, or null), `label`, `help` and
        `location`: null, or `source`, `line`, `column`, `length` (from 1, in characters) and `excerpt`. The source of
        an override is `command line`, and its line is the argument's number.
    """
    return {"problems": [_as_json(problem) for problem in problems]}


def _as_json(problem: Problem) -> dict[str, Any]:
    place = problem.location
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": _visible(problem.message),
        "key": dotted(problem.key) if problem.key else None,
        "label": _visible(problem.label),
        "help": _visible(problem.help),
        "location": None
        if place is None
        else {
            "source": place.source,
            "line": place.line,
            "column": place.column,
            "length": place.length,
            "excerpt": _visible(place.excerpt),
        },
    }


def _block(problem: Problem, colour: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if colour and text else text

    hue = _RED if problem.severity == "error" else _YELLOW
    lines = [f"{paint(f'{problem.severity}[{problem.code}]', hue)}{paint(f': {_visible(problem.message)}', _BOLD)}"]
    place, margin = problem.location, "  "
    if place is not None:
        number = str(place.line) if _is_file(place) else ""
        margin = " " * max(2, len(number))
        lines.append(f"{margin}{paint('-->', _BLUE)} {_where(place, problem)}")
        if place.excerpt.strip():
            excerpt, offset, width = _cut(place)
            bar = paint("|", _BLUE)
            lines.append(f"{margin} {bar}")
            lines.append(f"{paint(number.rjust(len(margin)), _BLUE)} {bar} {excerpt}")
            caret = "^" * max(1, width) + (f" {_visible(problem.label)}" if problem.label else "")
            lines.append(f"{margin} {bar} {' ' * offset}{paint(caret, hue)}")
        elif problem.label:
            lines.append(f"{margin} {paint('=', _BLUE)} {_visible(problem.label)}")
    elif problem.key:
        lines.append(f"{margin}{paint('-->', _BLUE)} {dotted(problem.key)}")
    if place is None and problem.label:
        lines.append(f"{margin} {paint('=', _BLUE)} {_visible(problem.label)}")
    if problem.help:
        lines.append(f"{margin} {paint('=', _BLUE)} {paint('help:', _CYAN)} {_visible(problem.help)}")
    return "\n".join(lines)


def _is_file(place: Location) -> bool:
    return place.source not in (COMMAND_LINE, IN_PYTHON)


def _where(place: Location, problem: Problem) -> str:
    if place.source == COMMAND_LINE:
        return f"{COMMAND_LINE}, argument {place.line}"
    if place.source == IN_PYTHON:
        return f"{dotted(problem.key)} (given in Python)" if problem.key else "configuration given in Python"
    return _visible(f"{place.source}:{place.line}:{place.column}" if place.excerpt else place.source)


def _cut(place: Location) -> tuple[str, int, int]:
    """The excerpt cut to the screen, and the columns on the screen of the part to underline: offset and width."""
    text = place.excerpt
    start = min(place.column - 1, len(text))
    end = max(start, min(start + place.length, len(text)))
    left, right = "", ""
    if len(text) > MAX_WIDTH:
        first = max(0, min(start - MAX_WIDTH // 3, len(text) - MAX_WIDTH))
        last = min(len(text), first + MAX_WIDTH)
        left, right = "..." * (first > 0), "..." * (last < len(text))
        text, start, end = text[first:last], start - first, min(end, last) - first
    before, marked = _visible(text[:start]), _visible(text[start:end])
    return left + before + marked + _visible(text[end:]) + right, len(left) + _columns(before), _columns(marked)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian wide characters two, combining marks none."""
    return sum(
        0
        if unicodedata.combining(c) or unicodedata.category(c) == "Cf"
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def _visible(text: str) -> str:
    """A text without characters that would move the cursor or colour the terminal; a tab is a space."""
    text = text.replace("\t", " ")
    if text.isprintable():
        return text
    return "".join(
        c
        if c.isprintable() or (unicodedata.category(c) == "Cf" and c == "\u200d")
        else c.encode("unicode_escape").decode()
        for c in text
    )


def _count(problems: Sequence[Problem]) -> str:
    counts = Counter(problem.severity for problem in problems)
    parts = [count(n, name) for name in ("error", "warning") if (n := counts[name])]
    sources = list(dict.fromkeys(p.location.source for p in problems if p.location))
    where = f" in {_visible(', '.join('the ' * (s == COMMAND_LINE) + s for s in sources))}" if sources else ""
    return listed(parts) + where
