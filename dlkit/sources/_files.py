"""Files that a configuration names: what is there where one is missing, their order, and what identifies them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem


def must_be_file(path: Path, key: Key, endings: Collection[str]) -> None:
    """Refuse a path that no file has.

    Args:
        path: that a setting names.
        key: path of the setting.
        endings: of such files, for what lies nearby.

    Raises:
        ConfigError: saying what is there instead.
    """
    if path.is_file():
        return
    if path.is_dir():
        help = f"name the file in it, as in `{path.name}/NAME{next(iter(endings))}`"
        raise no_file(f"{path} is a folder, not a file", help, key)
    if path.exists():
        raise no_file(f"{path} is a pipe or a device, not a file", "check the path", key)
    if path.is_symlink():
        raise no_file(f"{path} is a link that leads to nothing", "name the file that it should lead to", key)
    raise no_file(f"there is no file {path}", nearby(path, endings), key)


def nearby(path: Path, endings: Collection[str]) -> str:
    """What the folder of a path has in place of it."""
    folder = path.parent
    near = [p.name for p in folder.iterdir() if p.name.endswith(tuple(endings))] if folder.is_dir() else []
    return did_you_mean(path.name, near, "the folder has") if near else "check the path"


def no_file(message: str, help: str, key: Key) -> ConfigError:
    """The error for a path without a file."""
    return ConfigError(Problem("missing-file", message, key, help=help))


def natural(name: str) -> tuple[object, ...]:
    """What names are sorted by for 2 to come before 10."""
    parts = re.split(r"(\d+)", name.casefold())
    return (tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part), name)


def fingerprint(files: Mapping[str, Sequence[Path]], *about: object) -> str:
    """SHA-256 over the paths, sizes and times of files, by split, and over what else decides on what is read of them.

    Whole paths: files of other folders may have the same names, sizes and times, as those of archives do.

    Args:
        files: by split, in the order of their rows.
        about: settings, labels and the like, whose `repr` says what they are.
    """
    digest = hashlib.sha256(repr(about).encode())
    for split, paths in sorted(files.items()):
        for path in paths:
            found = path.stat()
            about_file = f"{split} {path.absolute()} {found.st_size} {found.st_mtime_ns}\n"
            digest.update(about_file.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
