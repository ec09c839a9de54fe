"""Paths of files that a configuration names: what is there instead, where there is no file."""

from __future__ import annotations

from collections.abc import Collection
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
