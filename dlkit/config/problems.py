"""What is said to the person at the keyboard: a problem has a stable code, a place, a cause and a way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Key = tuple[str | int, ...]

COMMAND_LINE = "command line"
IN_PYTHON = "Python"
# More would help nobody; the first hundred of each kind of reading are reported.
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class Location:
    """Where something stands: in a file, in an argument of the command line, or in a mapping given in Python.

    Attributes:
        source: path of the file as the user gave it, or `command line`, or `Python`.
        line: line in the file, from 1; elsewhere, the argument's number among the overrides, from 1.
        column: column, from 1.
        length: characters to underline, at least 1.
        excerpt: the text of that line, or of the argument; for Python, the key path and the value.
    """

    source: str
    line: int
    column: int
    length: int
    excerpt: str


@dataclass(frozen=True)
class Problem:
    """One mistake or warning.

    Attributes:
        code: stable name of the kind of problem, listed in `dlkit.config.codes`.
        message: what is wrong, a sentence without a full stop.
        key: path of the setting it concerns, as in `("training", "optimizer", "learning_rate")`; empty for none.
        location: where it stands, once known.
        label: a few words set beside the caret.
        help: what to do.
        severity: an error stops the run, a warning does not.
    """

    code: str
    message: str
    key: Key = ()
    location: Location | None = None
    label: str = ""
    help: str = ""
    severity: Literal["error", "warning"] = "error"


class DlkitError(Exception):
    """Something the user can correct. The command line prints its problems, without a traceback."""

    exit_status = 1

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(_in_a_line, self.problems)))


def _in_a_line(problem: Problem) -> str:
    """A problem as the text of an exception: where, what, and what to do."""
    place = problem.location
    where = (
        f"{place.source}:{place.line}:{place.column}: " if place and place.source.endswith((".yaml", ".yml")) else ""
    )
    label = f" ({problem.label})" if problem.label else ""
    return where + problem.message + label + (f"; {problem.help}" if problem.help else "")


class ConfigError(DlkitError):
    """The configuration or the command line is wrong: exit status 2."""

    exit_status = 2


class RunError(DlkitError):
    """The run failed for a reason outside the configuration (data, disk, a lock): exit status 1."""

    exit_status = 1
