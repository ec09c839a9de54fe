"""The order of examples in an epoch: a function of (seed, epoch), so that a resumed run sees the same batches."""

from __future__ import annotations

import numpy as np


def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """The order of `size` examples in an epoch: int64, shape (size,), the same for the same arguments."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(size)
