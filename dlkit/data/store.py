"""The store of prepared examples: one folder for each input of a source, filled row by row, kept from run to run.

An entry is keyed by everything that its values follow from, so that it is never wrong: a change of the source, of what
was fitted or of the steps makes another key. Rows are prepared when a run first reads them; which ones are there is
written after their values, so that a kill at any moment leaves nothing that looks finished.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from dlkit.files import parse_json, read_bytes, remove, write_all, written_aside
from dlkit.mapped import store_root

# Part of every key: another number where what is written, or how it is made, is no longer the same.
FORMAT = 1
_ABOUT, _VALUES, _DONE = "about.json", "values.npy", "rows.npy"


@dataclass(frozen=True)
class About:
    """What an entry holds, in words: `about.json`.

    Attributes:
        source: as messages call it.
        input: its name in the configuration.
        kind: of the input.
        rows: of the source, over all its splits.
        shape: of one example.
        dtype: of the values.
        made_from: SHA-256 of each thing that the values follow from, by what messages call it.
    """

    source: str
    input: str
    kind: str
    rows: int
    shape: tuple[int, ...]
    dtype: str
    made_from: Mapping[str, str]

    @property
    def key(self) -> str:
        """The name of the entry's folder."""
        return digest({**self.made_from, "rows": self.rows, "shape": self.shape, "dtype": self.dtype})[:24]

    @property
    def size(self) -> int:
        """Bytes of all its rows."""
        return int(self.rows * np.prod(self.shape, dtype=np.int64) * np.dtype(self.dtype).itemsize)


def digest(content: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Entry:
    """The prepared values of one input of a source, a row for each of the source's.

    Attributes:
        folder: where it is.
        about: what it holds.
        values: of the rows that are there, mapped from the file; 0 elsewhere.
        instead_of: what differs from the entry of this input that was used last, where this one is new.
    """

    def __init__(self, about: About) -> None:
        """Open an entry, which is made if it is not there.

        Args:
            about: what it holds.

        Raises:
            OSError: if it cannot be made or read.
            ValueError: if its files are not those of such an entry.
        """
        folder = store_root() / about.key
        self.folder, self.about, self.instead_of = folder, about, ""
        if not (folder / _ABOUT).is_file():
            self.instead_of = _changed(about)
            folder.parent.mkdir(parents=True, exist_ok=True)
            with locked(folder):
                if not (folder / _ABOUT).is_file():
                    with written_aside(folder) as aside:
                        _make(aside, about)
        with contextlib.suppress(OSError):  # a store that is only read
            os.utime(folder / _ABOUT)
        self._start, self.values = _header_size(folder / _VALUES), _mapped(folder / _VALUES)
        self._done = _mapped(folder / _DONE)
        wanted = ((about.rows, *about.shape), np.dtype(about.dtype), (about.rows,))
        if (self.values.shape, self.values.dtype, self._done.shape) != wanted:
            raise ValueError(f"{folder} does not hold what its key says")

    def missing(self, rows: np.ndarray) -> np.ndarray:
        """Those of these rows that are not prepared yet, each once, in order."""
        return np.unique(rows[self._done[rows] == 0])

    def write(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Write the values of some rows, then that they are there.

        Args:
            rows: their numbers, in order.
            values: of the entry's dtype and shape.

        Raises:
            OSError: if the disk refuses them.
        """
        values = np.ascontiguousarray(values, self.about.dtype)
        width = values[0].nbytes
        with (self.folder / _VALUES).open("r+b", buffering=0) as file:
            for first, last in _runs(rows):
                file.seek(self._start + int(rows[first]) * width)
                write_all(file, values[first : last + 1].data.cast("B"))
        with (self.folder / _DONE).open("r+b", buffering=0) as file:
            start = _header_size(self.folder / _DONE)
            for first, last in _runs(rows):
                file.seek(start + int(rows[first]))
                write_all(file, memoryview(bytes([1]) * (last - first + 1)))


@contextlib.contextmanager
def locked(*folders: Path, wait: bool = True) -> Iterator[bool]:
    """Within the block no other process makes or fills these entries; whether that is so.

    Args:
        folders: of the entries.
        wait: until other processes are done; else the block runs at once, with False.

    Raises:
        OSError: if the folder of the store cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            for folder in sorted(folders):  # always in one order, so that two processes do not wait for each other
                held.enter_context(FileLock(f"{folder}.lock", timeout=-1 if wait else 0))
        except Timeout:
            yield False
            return
        yield True


@dataclass(frozen=True)
class Listed:
    """An entry as `dlkit cache` lists it.

    Attributes:
        folder: of the entry.
        about: what it holds.
        prepared: number of its rows that are there.
        size: bytes that it takes on the disk.
        used: when a run last opened it, in seconds since 1970.
    """

    folder: Path
    about: About
    prepared: int
    size: int
    used: float


def entries() -> list[Listed]:
    """Every entry of the store, the one last used first; what is no entry is left out."""
    found = []
    for path in sorted(store_root().glob(f"*/{_ABOUT}")) if store_root().is_dir() else []:
        with contextlib.suppress(OSError, ValueError, TypeError):
            content = parse_json(read_bytes(path))
            about = About(**{**content, "shape": tuple(content["shape"])})
            prepared = int(np.count_nonzero(np.load(path.with_name(_DONE), mmap_mode="r", allow_pickle=False)))
            size = sum(file.stat().st_blocks * 512 for file in path.parent.iterdir())
            found.append(Listed(path.parent, about, prepared, size, path.stat().st_mtime))
    return sorted(found, key=lambda entry: -entry.used)


def clear(*, unused_days: float = 0.0) -> list[Listed]:
    """Delete entries that no run has opened for some days, all by default; those that a run is filling stay.

    Returns:
        What was deleted.
    """
    gone = []
    for entry in entries():
        if time.time() - entry.used < unused_days * 86400:
            continue
        with locked(entry.folder, wait=False) as free:
            if free:
                remove(entry.folder)
                gone.append(entry)
    return gone


def _changed(about: About) -> str:
    """What differs from the entry of the same input that was used last, in words; empty where there is none."""
    for entry in entries():
        if (entry.about.source, entry.about.input) == (about.source, about.input):
            before = entry.about.made_from
            return ", ".join(what for what, made_from in about.made_from.items() if before.get(what) != made_from)
    return ""


def free_bytes() -> int:
    """Bytes that the disk of the store has left; 0 where that cannot be found out."""
    folder = store_root()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free
    return 0


def _make(folder: Path, about: About) -> None:
    """Files without any row; what is not written takes no room on the disk."""
    folder.mkdir()
    np.lib.format.open_memmap(folder / _VALUES, "w+", np.dtype(about.dtype), (about.rows, *about.shape))
    np.lib.format.open_memmap(folder / _DONE, "w+", np.dtype(np.uint8), (about.rows,))
    (folder / _ABOUT).write_text(json.dumps(vars(about), indent=2) + "\n", encoding="utf-8")


def _mapped(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except EOFError as error:
        raise ValueError(f"{path} is empty") from error
    return array


def _header_size(path: Path) -> int:
    """Where the values of an .npy file begin."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file) if version == (1, 0) else np.lib.format.read_array_header_2_0(file)
        return file.tell()


def _runs(rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Positions of the first and last of each series of successive numbers."""
    ends = np.flatnonzero(np.diff(rows) != 1)
    yield from zip([0, *(ends + 1)], [*ends, len(rows) - 1], strict=True)
