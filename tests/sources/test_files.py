"""Paths that a source of files is given, where there is no such file, or none that it reads: what is said of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.schema.source import SOURCES

# The settings of each source that is given single files, and how their names end.
GIVEN: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "csv": (".csv", lambda path: {"path": path}),
    "parquet": (".parquet", lambda path: {"path": path}),
    "npz": (".npz", lambda path: {"path": path}),
    "ts": (".ts", lambda path: {"train": path}),
    "timeseries": (".csv", lambda path: {"path": path, "targets": "y", "past": 2, "horizon": 1}),
}
FOREIGN = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


def problem_of(kind: str, path: Path, error: type[DlkitError]) -> Problem:
    """What a source says of a path."""
    with pytest.raises(error) as caught:
        SOURCES[kind].model_validate({"kind": kind, **GIVEN[kind][1](str(path))}).open(("y",))
    (problem,) = caught.value.problems
    assert path.name in problem.message and problem.help
    return problem


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "is a pipe or a device, not a file"),
        (link_to_itself, "is a link that leads to nothing"),
        (link_to_nothing, "is a link that leads to nothing"),
        (os.mkdir, ""),
    ],
)
def test_what_is_no_file_is_named(make: Callable[[Path], None], says: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{GIVEN[kind][0]}"
    make(path)
    problem = problem_of(kind, path, ConfigError)
    assert problem.code == "missing-file"
    assert (says or ("and below" if kind == "parquet" else "is a folder, not a file")) in problem.message


@pytest.mark.parametrize("kind", GIVEN)
def test_a_name_that_is_nearly_right_gets_the_one_that_is_there(kind: str, tmp_path: Path) -> None:
    (tmp_path / f"people{GIVEN[kind][0]}").touch()
    problem = problem_of(kind, tmp_path / f"poeple{GIVEN[kind][0]}", ConfigError)
    assert "there is no file" in problem.message
    assert f"did you mean `people{GIVEN[kind][0]}`?" in problem.help


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize("content", [b"", FOREIGN], ids=["empty", "foreign"])
def test_an_empty_and_a_foreign_file_are_refused(content: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"data{GIVEN[kind][0]}"
    path.write_bytes(content)
    assert problem_of(kind, path, RunError).code in ("no-rows", "damaged-data", "not-npz")
