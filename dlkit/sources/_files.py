"""The order of files, and what identifies them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path


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
