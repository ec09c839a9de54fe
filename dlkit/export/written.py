"""What an export writes, and where it may."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dlkit.config.problems import ConfigError, Problem


class Written(NamedTuple):
    """What was written.

    Attributes:
        files: the one that was asked for first, then those beside it.
        notes: what differs from what dlkit does, in sentences.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def must_be_free(paths: Sequence[Path], *, force: bool) -> None:
    """Refuse to write where something is already, or where no folder is.

    Args:
        paths: of the files; the first is the one that the user names.
        force: overwrite files; those beside the first only together with it, since they may be data.

    Raises:
        ConfigError: naming what is in the way.
    """
    for path in paths:
        if path.is_dir():
            raise ConfigError(Problem("is-a-folder", f"{path} is a folder, not a file", help="name a file with `-o`"))
        alone = path != paths[0] and not paths[0].exists()
        if path.exists() and (alone or not force):
            help = "name another with `-o`" + ("" if alone else ", or overwrite it with `--force`")
            raise ConfigError(Problem("file-exists", f"there is a file {path} already", help=help))
    if not paths[0].parent.is_dir():
        message = f"there is no folder {paths[0].parent} for {paths[0].name}"
        raise ConfigError(Problem("missing-file", message, help="make it, or name another with `-o`"))
