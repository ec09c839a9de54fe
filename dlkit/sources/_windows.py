"""Windows over series: where each begins, and what it covers, without a copy where the rows allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def first_rows(starts: np.ndarray, span: int, stride: int) -> np.ndarray:
    """The row at which each window begins: int64, shape (windows,), in order.

    The last window of a series ends with it, and the others lie `stride` rows apart before it, so that the latest rows
    are always used. No window goes beyond its series; one that is shorter than `span` has none.

    Args:
        starts: the first row of each series, and the number of rows.
        span: rows of a window.
        stride: rows between the first rows of windows.
    """
    last = np.diff(starts) - span
    counts = np.where(last >= 0, last // stride + 1, 0)
    begins = np.repeat(starts[:-1] + np.where(last >= 0, last % stride, 0), counts)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(begins + number * stride, np.int64)


def windows(values: np.ndarray, first: np.ndarray, length: int) -> np.ndarray:
    """The rows from each of `first` on: shape (windows, length, channels), read-only.

    It is a view of `values` where the windows lie equally far apart, as those of one series do: whatever the length, it
    takes no memory. Otherwise it is a copy.

    Args:
        values: shape (rows, channels).
        first: the first row of each window, in order.
        length: rows of a window.
    """
    every = np.moveaxis(np.lib.stride_tricks.sliding_window_view(values, length, axis=0), 2, 1)
    apart = np.diff(first)
    if not apart.size or (apart == apart[0]).all():
        return every[first[0] : first[-1] + 1 : int(apart[0]) if apart.size else 1]
    copied = every[first]
    copied.flags.writeable = False
    return copied


@dataclass(frozen=True)
class Columns(Mapping[str, "np.ndarray"]):
    """Columns of windows by name, each cut when it is first asked for and kept.

    Attributes:
        base: the rows that each column is cut from, by its name: shape (rows, channels).
        first: the first row of each window.
        parts: where a column lies in its window, by name: rows after its first, and their number.
    """

    base: Mapping[str, np.ndarray]
    first: np.ndarray
    parts: Mapping[str, tuple[int, int]]
    _made: dict[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._made:
            after, length = self.parts[name]
            self._made[name] = windows(self.base[name], self.first + after, length)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)
