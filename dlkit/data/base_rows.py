"""Windows on either side of moments in time, so that none straddles a cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlkit.schema.source import BaseRows


def moments(base: BaseRows, shares: Sequence[float]) -> list[Any]:
    """The times at which the later parts of all series begin, in order.

    Args:
        base: of the split that is cut.
        shares: of the steps in time, for each part but the first, in order: `[0.1, 0.2]` for the validation and the
            test.
    """
    times = np.unique(base.times)
    ends = len(times) - np.round(np.cumsum(np.array(shares)[::-1])[::-1] * len(times)).astype(np.int64)
    return [times[min(int(end), len(times) - 1)] for end in ends]


def between(base: BaseRows, cuts: Sequence[Any]) -> list[np.ndarray]:
    """The examples of each part: those that predict nothing but rows of that part.

    The first part trains: its examples lie before the first cut with all their rows. Those of a later part may look at
    rows before it, which are known by then. Examples that predict rows on both sides of a cut are in no part.

    Args:
        base: of the split that is cut.
        cuts: times at which the later parts begin, in order.

    Returns:
        Numbers of the examples, int64, in order, one array more than there are cuts.
    """
    last = base.times[base.first + base.span - 1]
    predicts_from = base.times[base.first + base.span - base.ahead]
    from_part, to_part = (np.searchsorted(np.array(cuts), times, side="right") for times in (predicts_from, last))
    return [np.flatnonzero((from_part == part) & (to_part == part)) for part in range(len(cuts) + 1)]
