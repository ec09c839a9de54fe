"""Reading what a run has recorded. A run folder may come from anybody, so each file is checked against a schema."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter, ValidationError

from dlkit.config.causes import first_line
from dlkit.config.problems import Problem, RunError
from dlkit.files import parse_json, read_bytes

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Word = Annotated[str, Field(max_length=10_000)]
# A row or line for each epoch and each look at the network.
LARGEST_LIST = 2**28


class Record(BaseModel):
    """A file of a run. What a later version adds is kept."""

    model_config = ConfigDict(extra="allow", strict=True)


class State(Record):
    """`state.json`: how the run stands."""

    state: Literal["running", "finished", "failed", "interrupted"]
    time: Word | None = None
    pid: int | None = None
    why: Word | None = None
    code: Word | None = None


class Environment(Record):
    """`environment.json`: what the run was made with."""

    python: Word | None = None
    packages: dict[Word, Word] = {}
    devices: list[Word] = []
    command: list[str] = []
    git_commit: Word | None = None
    chosen: dict[str, Any] = {}
    replicas: Annotated[int, Field(ge=1, le=100_000)] = 1


class Event(Record):
    """A line of `events.jsonl`. A look at the network is checked by who reads it."""

    kind: Word
    time: Word | None = None
    text: str | None = None
    code: Word | None = None
    look: dict[str, Any] | None = None


class Figures(RootModel[dict[str, float | int | None]]):
    """`test.json`: figures by name."""


def read(path: Path, schema: type[M]) -> M:
    """A JSON file of a run.

    Raises:
        RunError: if it is not there, or not as dlkit writes it.
    """
    with damage(path):
        return schema.model_validate(parse_json(read_bytes(path)))


def chosen(path: Path, plan: type[T]) -> T:
    """What the loop chose by rule when a run began, from its `environment.json`.

    Args:
        path: of the file.
        plan: a dataclass, whose annotations say what its fields may hold.

    Raises:
        RunError: if the run does not say.
    """
    try:
        content = read(path, Environment).chosen
        return TypeAdapter(plan).validate_python(content)
    except (RunError, ValidationError) as error:
        reason = error.problems[0].message if isinstance(error, RunError) else first_mistake(error)
        raise RunError(
            Problem(
                "damaged-run",
                f"{path} does not say how the run was compiled: {reason}",
                help="start the run again: it cannot be resumed to the same bits",
            )
        ) from error


def events(path: Path) -> list[dict[str, Any]]:
    """The lines of `events.jsonl` that are whole.

    Raises:
        RunError: if one of them is none that dlkit wrote.
    """
    found = []
    for number, line in enumerate(whole_lines(path), 1):
        with damage(path, f"line {number:,}: "):
            found.append(Event.model_validate(parse_json(line.encode())).model_dump(exclude_unset=True))
    return found


def history(path: Path) -> list[dict[str, Any]]:
    """The rows of `history.csv` that are whole: `epoch` as int, figures as float, None where there is none.

    Raises:
        RunError: if one of them is none that dlkit wrote.
    """
    found: list[dict[str, Any]] = []
    with damage(path):
        for number, row in enumerate(csv.DictReader(whole_lines(path)), 1):
            if None in row or None in row.values() or "epoch" not in row:
                raise ValueError(f"row {number:,} has other columns than the first line")
            found.append({k: int(v) if k == "epoch" else float(v) if v else None for k, v in row.items()})
    return found


def whole_lines(path: Path) -> list[str]:
    """The lines of a file that end as lines do, ends and all; none where there is no file.

    Raises:
        RunError: if it is no file of lines.
    """
    if not path.exists():
        return []
    with damage(path):
        text = read_bytes(path, LARGEST_LIST).decode("utf-8", errors="replace")
    return [f"{line}\n" for line in text.split("\n")[:-1]]


def first_mistake(error: ValidationError) -> str:
    """The first mistake that a schema found, in a line."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))[:100]
    return f"`{place}`: {first['msg']}" if place else str(first["msg"])


@contextmanager
def damage(path: Path, place: str = "") -> Iterator[None]:
    """Within the block, what cannot be read is raised as a damaged run."""
    try:
        yield
    except (OSError, ValueError, csv.Error) as error:  # pydantic's is a ValueError too
        if isinstance(error, ValidationError):
            reason = first_mistake(error)
        else:
            reason = getattr(error, "strerror", None) or first_line(error)
        raise RunError(
            Problem(
                "damaged-run",
                f"{path} cannot be used: {place}{reason}",
                help="take the file from a copy, or start the run again",
            )
        ) from error
