"""Which files a user means to predict for: files, folders with all that is below them, and patterns such as `*.png`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dlkit.config.problems import Problem

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
ARRAYS = (".npy", ".npz")


def expand(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """The files that are meant, in the order that they are named, those of a folder or pattern in that of their names.

    Args:
        paths: files, folders, patterns. Of a folder and of all below it, images and arrays are taken.

    Returns:
        The files, and a problem for each path that leads to none.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        if path.is_dir():
            files = list(_below(path))
            why = f"it is a folder without images ({', '.join(IMAGES)}) or arrays ({', '.join(ARRAYS)})"
        elif path.exists():
            files, why = [path], ""
        elif _is_pattern(path):
            files, why = _fitting(path), "no file fits this pattern"
        else:
            files, why = [], "there is no such file"
        found += files
        if not files:
            problems.append(Problem("unusable-input", f"{path}: {why}"))
    return found, problems


def _below(folder: Path) -> Iterator[Path]:
    known = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGES + ARRAYS)
    return (path for path in known if path.is_file() and not path.name.startswith("."))


def _is_pattern(path: Path) -> bool:
    return any(letter in str(path) for letter in "*?[")


def _fitting(pattern: Path) -> list[Path]:
    """Files of a pattern; one that fits a folder means all below it."""
    parts = pattern.parts
    first = next(i for i, part in enumerate(parts) if _is_pattern(Path(part)))
    fitting = sorted(Path(*parts[:first]).glob(str(Path(*parts[first:]))))
    return [file for path in fitting for file in (_below(path) if path.is_dir() else [path])]
