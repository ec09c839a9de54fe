"""What sources of tables in files share: the files of each split, and what identifies them."""

from __future__ import annotations

import glob
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from dlkit.config.names import did_you_mean
from dlkit.config.problems import Key, Problem, RunError
from dlkit.schema.base import FilePath
from dlkit.sources._files import must_be_file, natural, nearby, no_file
from dlkit.sources._folders import SPLITS

KEY: Key = ("data", "source", "path")
# One file or pattern, several, or those of each split.
Paths = FilePath | Annotated[list[FilePath], Field(min_length=1)] | Annotated[dict[str, FilePath], Field(min_length=1)]


def files_of(paths: Any, endings: Collection[str], *, folders: bool = False) -> dict[str, list[Path]]:
    """The files of each split, those of a pattern in natural order; `train` where no splits are named.

    Args:
        paths: as `Paths`.
        endings: of such files, for what lies nearby.
        folders: whether a folder stands for the files in it and below.

    Raises:
        ConfigError: for a path or pattern that no file has, or that is something else than a file.
    """
    if isinstance(paths, dict):
        return {split: _files(path, (*KEY, split), endings, folders) for split, path in paths.items()}
    if isinstance(paths, list):
        found = [file for n, path in enumerate(paths) for file in _files(path, (*KEY, n), endings, folders)]
        return {"train": found}
    return {"train": _files(paths, KEY, endings, folders)}


def _files(given: str, key: Key, endings: Collection[str], folders: bool) -> list[Path]:
    path = Path(given)
    if path.is_dir() and folders:
        found = _below(path, endings)
        if not found:
            raise no_file(f"there is no {' or '.join(endings)} file in {path} and below", "check the path", key)
        return found
    if glob.has_magic(given) and not path.exists():
        hidden = path.name.startswith(".")
        every = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
        found = in_order(f for f in every if f.is_file() and f.name.startswith(".") == hidden)
        if not found:
            raise no_file(f"no file fits the pattern {given}", nearby(path, endings), key)
        return found
    must_be_file(path, key, endings)
    return [path]


def _below(folder: Path, endings: Collection[str]) -> list[Path]:
    """The files in a folder and below, hidden ones and those of tools (`_SUCCESS`) left out."""
    found = [file for file in folder.rglob("*") if file.is_file() and file.name.endswith(tuple(endings))]
    return in_order(f for f in found if not any(p[0] in "._" for p in f.relative_to(folder).parts))


def in_order(files: Iterable[Path]) -> list[Path]:
    """Files in natural order: `part-2` before `part-10`."""
    return sorted(files, key=lambda path: natural(path.as_posix()))


def names_of(files: Mapping[str, Sequence[Path]]) -> dict[Path, str]:
    """How messages call each file: by its name, or by its path where two have one name."""
    every = list(dict.fromkeys(file for some in files.values() for file in some))
    names = [file.name for file in every]
    return {file: file.name if names.count(file.name) == 1 else str(file) for file in every}


def title(files: Mapping[str, Sequence[Path]]) -> str:
    """What a source over these files is called."""
    names = list(names_of(files).values())
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def places(
    sizes: Mapping[str, Sequence[tuple[Path, int]]], words: Callable[[Path, int], str]
) -> Callable[[str, int], str]:
    """From a split and the number of a row in it to words for where it is.

    Args:
        sizes: the files of each split with the number of their rows.
        words: a file and the number of a row in it, from 0, to words.
    """

    def place(split: str, row: int) -> str:
        for file, size in sizes[split]:
            if row < size:
                return words(file, row)
            row -= size
        raise IndexError(row)

    return place


def same_columns(columns: Mapping[Path, Collection[str]], wanted: Collection[str], called: Mapping[Path, str]) -> None:
    """Refuse files of which one has a wanted column and another has not.

    Raises:
        RunError: naming the column, both files, and the nearest name.
    """
    for name in wanted:
        lacking = [file for file, names in columns.items() if name not in names]
        if not lacking or len(lacking) == len(columns):
            continue
        other = next(file for file in columns if file not in lacking)
        message = f"{called[lacking[0]]} has no column `{name}`, and {called[other]} has"
        help = did_you_mean(name, columns[lacking[0]], f"{called[lacking[0]]} has")
        raise RunError(Problem("file-columns", message, KEY, help=help))


def splits_in(folder: Path | None, endings: Collection[str]) -> dict[str, Path]:
    """Files of a folder that are named after splits, by the split; none where several are of one."""
    if folder is None or not folder.is_dir():
        return {}
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.lower().endswith(tuple(endings)):
            found.setdefault(SPLITS.get(path.name.lower().split(".")[0], ""), []).append(path)
    return {split: paths[0] for split, paths in found.items() if split and len(paths) == 1}
