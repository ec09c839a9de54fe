"""Where the time of a run goes: waiting for data, computing, and everything else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Seconds by what they went into, counted from when the clock was made.

    Attributes:
        seconds: by `data` (waiting for the next block of batches), `compute` (in the compiled program), `compiling`
            (its first call), `health` (looks), `validation`, `saving`.
        last: those that were counted last.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("data", "compute", "compiling", "health", "validation", "saving"), 0.0)
        self.last = 0.0
        self._began = time.perf_counter()

    @property
    def total(self) -> float:
        """All seconds."""
        return time.perf_counter() - self._began

    def fetching(self, blocks: Iterable[T]) -> Iterator[T]:
        """The same blocks; the time until each is there counts as data."""
        waiting = iter(blocks)
        while True:
            with self.counting("data"):
                block = next(waiting, None)
            if block is None:
                return
            yield block

    @contextlib.contextmanager
    def counting(self, what: str) -> Iterator[None]:
        """The time of the block counts as that."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.last = time.perf_counter() - began
            self.seconds[what] += self.last
