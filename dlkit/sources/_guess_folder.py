"""What `dlkit init` makes of a folder with a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from dlkit.schema.guess import Asked, SourceGuess
from dlkit.sources._folders import FOREIGN

# Files of a folder that are looked at to see what it holds.
LOOKED_AT = 10_000


def guess_folder(kind: str, asked: Asked, endings: Collection[str], what: str) -> SourceGuess | None:
    """A source of this kind, by the share of the files of a folder that are its own; None where there are none.

    Args:
        kind: of the source.
        asked: what was given to `dlkit init`.
        endings: of such files.
        what: such files are: `images`.
    """
    share = share_of(asked.path, endings)
    if asked.path is None or not share:
        return None
    settings = {"kind": kind, "path": asked.written(asked.path)}
    reason, why = f"a folder of {what}, with a folder for each class", "the folder that a file is in"
    return SourceGuess(share * 0.9, settings, reason, target="label", why_target=why)


def share_of(folder: Path | None, endings: Collection[str]) -> float:
    """The share of the files below a folder, hidden ones aside, whose names end so."""
    if folder is None or not folder.is_dir():
        return 0.0

    def names() -> Iterator[str]:
        for _, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != FOREIGN)
            yield from (name.lower() for name in files if not name.startswith("."))

    seen = list(islice(names(), LOOKED_AT))
    return sum(name.endswith(tuple(endings)) for name in seen) / max(1, len(seen))
