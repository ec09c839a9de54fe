"""Which files a user means to predict for: files, folders with all that is below them, and patterns such as `*.png`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dlkit.config.problems import DlkitError, Problem
from dlkit.data.bound import Spec
from dlkit.schema.input import INPUTS
from dlkit.schema.source import SOURCES

ARRAYS = (".npy", ".npz")


class UnusableError(Exception):
    """Why a file cannot be used, and what would help."""

    def __init__(self, reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.help = help


@contextmanager
def unusable(path: Path) -> Iterator[None]:
    """Within the block, what a kind of input refuses makes the file unusable."""
    try:
        yield
    except DlkitError as error:
        problem = error.problems[0]
        raise UnusableError(problem.message.removeprefix(f"{path}: "), problem.help) from error


def readable(spec: Spec) -> tuple[str, ...]:
    """How the names of files end that arrays, tables, or one of the inputs of a model are read from."""
    own = (suffix for bound in spec.inputs.values() for suffix in bound.settings.suffixes)
    return tuple(dict.fromkeys((*own, *table_endings(spec), *ARRAYS)))


def table_endings(spec: Spec) -> tuple[str, ...]:
    """How names of tables end; none for a model whose inputs are no cells of tables."""
    if any(
        len(bound.shape) > 1 or (bound.settings.suffixes and bound.dtype != "string") for bound in spec.inputs.values()
    ):
        return ()
    return tuple(ending for name in SOURCES.names() for ending in SOURCES[name].table_endings)


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
    known = (path for path in sorted(folder.rglob("*")) if path.name.lower().endswith(tuple(suffixes)))
    return (path for path in known if path.is_file() and not path.name.startswith("."))


def _is_pattern(path: Path) -> bool:
    return any(letter in str(path) for letter in "*?[")


def _fitting(pattern: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files of a pattern; one that fits a folder means all below it."""
    parts = pattern.parts
    first = next(i for i, part in enumerate(parts) if _is_pattern(Path(part)))
    fitting = sorted(Path(*parts[:first]).glob(str(Path(*parts[first:]))))
    return [file for path in fitting for file in (_below(path, suffixes) if path.is_dir() else [path])]
