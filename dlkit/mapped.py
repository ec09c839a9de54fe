"""Arrays that may be larger than the memory: above a limit they are mapped from files in the folder of the store.

Such a file has no name, so that nothing is left of it when the process ends, however it does.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dlkit.files import write_all
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pa = lazy("pyarrow")

# Bytes of a table that is held in memory, of which one array may take a quarter; and those that are worked on at once.
LIMIT, _PART = 2**28, 2**24


def store_root() -> Path:
    """The folder of the store: `$DLKIT_CACHE`, else `dlkit` in the user's folder of caches."""
    if own := os.environ.get("DLKIT_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "dlkit"


def empty(shape: tuple[int, ...], dtype: Any, limit: float | None = None) -> np.ndarray:
    """Room for an array: in memory up to a limit, and where no file takes it; else mapped from one."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size <= (LIMIT / 4 if limit is None else limit) or dtype.hasobject:
        return np.empty(shape, dtype)
    try:
        with nameless() as file:
            _reserve(file, size)
            return _mapped(file, dtype).reshape(shape)
    except OSError:  # such as a disk that is full
        return np.empty(shape, dtype)


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array lies in a mapped file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


def parts(array: np.ndarray, size: int = _PART) -> Iterator[slice]:
    """Slices of so many bytes each, some megabytes by default, over the rows of an array."""
    rows = max(1, size // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield slice(start, min(start + rows, len(array)))


def converted(array: np.ndarray, dtype: Any) -> np.ndarray:
    """An array as another type, in memory up to the limit; itself where it is that already."""
    if array.size * np.dtype(dtype).itemsize <= LIMIT / 4 or array.dtype == dtype:
        return array.astype(dtype, copy=False)
    found = empty(array.shape, dtype)
    for part in parts(array):
        found[part] = array[part]
    return found


def numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values of a column of text or whole numbers, as they first occur, and which of them each row has.

    Arrow finds them by their bytes, which is several times as fast as to sort text.
    """
    values = np.ascontiguousarray(values)
    if values.dtype.kind not in "SU":
        found = pa.array(values).dictionary_encode()
        return found.dictionary.to_numpy(zero_copy_only=False), found.indices.to_numpy()
    content = pa.py_buffer(values.view(np.uint8).data if len(values) else b"")
    kind = pa.binary(values.dtype.itemsize)
    found = pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [None, content]).dictionary_encode()
    different = b"".join(found.dictionary.to_pylist())
    return np.frombuffer(different, values.dtype), found.indices.to_numpy()


def counted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values of a column, in order, and how often each occurs; a part at a time is looked at."""
    counts: dict[Any, int] = {}
    for part in parts(values):
        found, numbers = numbered(values[part])
        times = np.bincount(numbers, minlength=len(found))
        for value, count in zip(found.tolist(), times.tolist(), strict=True):
            counts[value] = counts.get(value, 0) + count
    every = sorted(counts)
    return np.array(every, values.dtype), np.array([counts[value] for value in every], np.int64)


def nameless() -> IO[bytes]:
    """A file in the folder of the store that has no name.

    Raises:
        OSError: if that folder cannot be written.
    """
    store_root().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=store_root(), buffering=0)


class Growing:
    """An array of which one piece comes after the other, all of one size of item; larger than a limit it is in a file.

    Attributes:
        why_not_mapped: why there is no file, where one was needed.
    """

    def __init__(self, limit: int) -> None:
        """Begin an empty array.

        Args:
            limit: bytes that are held in memory.
        """
        self.why_not_mapped = ""
        self._limit: float = limit
        self._pieces: list[np.ndarray] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._written: list[tuple[np.dtype, int]] = []

    def add(self, piece: np.ndarray) -> None:
        """Add values to its end."""
        self._pieces.append(piece)
        self._bytes += piece.nbytes
        if self._bytes > self._limit:
            self._write()

    def array(self, dtype: Any) -> np.ndarray:
        """All of it as this type, whose items are as large as those of the pieces. What it is made of is given up."""
        if self._file is not None:
            self._write()
        if self._file is None:
            pieces, self._pieces = self._pieces, []
            one = len(pieces) == 1
            return pieces[0].astype(dtype, copy=False) if one else np.concatenate([*pieces, np.empty(0, dtype)])
        with self._file as file:
            found, start = _mapped(file, np.dtype(dtype)), 0
        for written, size in self._written:
            if written != found.dtype:
                own = found[start : start + size]
                for part in parts(own):
                    own[part] = own[part].view(written)
            start += size
        return found

    def _write(self) -> None:
        """Write the pieces that are held."""
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        try:
            self._file = self._file or nameless()
            for piece in pieces:
                write_all(self._file, np.ascontiguousarray(piece).data.cast("B"))
        except OSError as error:
            self.why_not_mapped = f"{store_root()} ({error.strerror or error})"
            self._pieces, self._limit = [*self._read_again(), *pieces], math.inf
            return
        self._written += [(piece.dtype, len(piece)) for piece in pieces]

    def _read_again(self) -> Iterator[np.ndarray]:
        """What was written before."""
        if self._file is not None:
            self._file.seek(0)
            for dtype, size in self._written:
                yield np.fromfile(self._file, dtype, size)
            self._file.close()
            self._file = None


def _reserve(file: IO[bytes], size: int) -> None:
    """Give a file its size, and room on the disk: a mapped file for which there is none ends the process.

    Raises:
        OSError: if the disk has not so much.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = memoryview(bytes(_PART))
    for start in range(0, size, _PART):
        write_all(file, zeros[: min(_PART, size - start)])


def _mapped(file: IO[bytes], dtype: np.dtype) -> np.ndarray:
    found: np.ndarray = np.frombuffer(mmap.mmap(file.fileno(), 0), dtype)
    return found
