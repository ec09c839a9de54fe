"""The records of a run beside its history: their lengths at a checkpoint, and cutting them back to those."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dlkit.files import disk_errors
from dlkit.runs import RunFolder

# Those of dlkit's own curves; a trace of `--profile` lies beside them.
CURVES = ("train", "validation")


def lengths(folder: RunFolder) -> dict[str, int]:
    """Bytes of the log and of each file of TensorBoard's curves, by path below the folder."""
    found = [folder.log, *(path for split in CURVES for path in (folder.tensorboard / split).glob("*tfevents*"))]
    return {path.relative_to(folder.path).as_posix(): path.stat().st_size for path in found if path.exists()}


def cut(folder: RunFolder, kept: Mapping[str, int]) -> None:
    """Drop what was recorded after a checkpoint.

    Args:
        folder: of the run; nothing may have these files open.
        kept: as `lengths` gave it when the checkpoint was made; a file that is not there goes as a whole.

    Raises:
        RunError: if the disk refuses it.
    """
    for name, size in lengths(folder).items():
        path = folder.path / name
        with disk_errors(path, 0):
            if name not in kept:
                path.unlink()
            elif kept[name] < size:
                os.truncate(path, kept[name])
