"""Which files a user means to predict for: files, folders with all that is below them, and patterns such as `*.png`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dlkit.config.problems import Problem
from dlkit.data.bound import Input
from dlkit.schema.input import INPUTS

ARRAYS = (".npy", ".npz")


def readable(inputs: Iterable[Input]) -> tuple[str, ...]:
    """How the names of files end that arrays or one of these inputs are read from."""
    return (*dict.fromkeys(suffix for bound in inputs for suffix in bound.settings.suffixes), *ARRAYS)


def read_by_some_kind(suffix: str) -> bool:
    """Whether files of this ending are read by a kind of input, of this model or of others."""
    return any(suffix in INPUTS[name].suffixes for name in INPUTS.names())


def expand(paths: Sequence[Path], suffixes: Sequence[str]) -> tuple[list[Path], list[Problem]]:
    """The files that are meant, in the order that they are named, those of a folder or pattern in that of their names.

    Args:
        paths: files, folders, patterns.
        suffixes: how names end of the files that are taken of a folder and of all below it.

    Returns:
        The files, and a problem for each path that leads to none.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        if path.is_dir():
            files = list(_below(path, suffixes))
            why = f"it is a folder without files that can be read ({', '.join(suffixes)})"
        elif path.exists():
            files, why = [path], ""
        elif _is_pattern(path):
            files, why = _fitting(path, suffixes), "no file fits this pattern"
        else:
            files, why = [], "there is no such file"
        found += files
        if not files:
            problems.append(Problem("unusable-input", f"{path}: {why}"))
    return found, problems


def _below(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    known = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes)
    return (path for path in known if path.is_file() and not path.name.startswith("."))


def _is_pattern(path: Path) -> bool:
    return any(letter in str(path) for letter in "*?[")


def _fitting(pattern: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files of a pattern; one that fits a folder means all below it."""
    parts = pattern.parts
    first = next(i for i, part in enumerate(parts) if _is_pattern(Path(part)))
    fitting = sorted(Path(*parts[:first]).glob(str(Path(*parts[first:]))))
    return [file for path in fitting for file in (_below(path, suffixes) if path.is_dir() else [path])]
