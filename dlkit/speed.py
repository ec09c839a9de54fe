"""How long a proposed network trains on this machine, from its multiply-adds and what the processor does of them."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

# Minutes that a first result may take, by `--time`.
MINUTES = {"quick": 3, "good": 20, "best": 120}
# Multiply-adds of an update for each one of the forward pass: those of the gradients are twice as many.
OF_UPDATE = 3
# The share of a product of large matrices that convolutions reach in training: 0.59 and 0.65 were measured for
# batches of 32 and 256 of the CNN in benchmarks/throughput.py on two cores.
SHARE = 0.6
_SIDE, _REPEATS = 1024, 3
# Multiply-adds per second that every processor does which trains networks.
SLOWEST = 1e9


def seconds_of_epoch(multiply_adds: float, rows: int, *, rate: float | None = None) -> float:
    """Seconds of a pass over the rows.

    Args:
        multiply_adds: of the forward pass of one example.
        rows: of the training split.
        rate: multiply-adds per second of the processor; measured, once in a process, if None.
    """
    return OF_UPDATE * multiply_adds * rows / (SHARE * (_rate() if rate is None else rate))


def in_words(seconds: float) -> str:
    """How long that is, roughly."""
    if seconds < 90:
        return "about a minute" if seconds > 45 else "less than a minute"
    minutes = seconds / 60
    return f"about {minutes:.0f} minutes" if minutes < 90 else f"about {minutes / 60:.0f} hours"


@cache
def _rate() -> float:
    """Multiply-adds per second of the product of two large matrices, float32, on this machine."""
    matrix = np.ones((_SIDE, _SIDE), np.float32)
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - start)
    return float(_SIDE**3 / best)
