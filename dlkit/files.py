"""Files that are either whole or not there: written aside, flushed to the disk, renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, for a file or a folder; it takes the name of `path` when the block ends well.

    A folder that stands under the name is replaced. After an error nothing is left of the attempt.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    _remove(aside)
    try:
        yield aside
        _flush(aside)
        if aside.is_dir() and path.exists():
            # A folder cannot be renamed over a full one: the old one steps aside first, and goes last.
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            _remove(old)
            path.rename(old)
            aside.rename(path)
            _remove(old)
        else:
            aside.replace(path)
        _flush_folder(path.parent)
    finally:
        _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    for part in [path, *path.rglob("*")] if path.is_dir() else [path]:
        if part.is_dir():
            _flush_folder(part)
        else:
            with part.open("rb") as file:
                os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make renames in a folder last; a file system that cannot is left alone."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
