"""Windows over base rows: on either side of moments in time, so that none straddles a cut, and none seen before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.data.parts import Chosen, numbers
from dlkit.schema.source import BaseRows, SourceData


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


def refuse_seen_windows(source: SourceData, chosen: Chosen) -> None:
    """Refuse slices of windows in which training covers what another split predicts.

    Raises:
        ConfigError: saying how many windows of which split.
    """
    if source.base is None:
        return
    seen: dict[str, np.ndarray] = {}
    for part in chosen["train"]:
        base = source.base(part.split)
        covered = seen.setdefault(part.split, np.zeros(len(base.series) + 1, np.int64))
        np.add.at(covered, base.first[numbers(part)], 1)
        np.add.at(covered, base.first[numbers(part)] + base.span, -1)
    rows_before = {split: np.concatenate([[0], np.cumsum(np.cumsum(x)[:-1] > 0)]) for split, x in seen.items()}
    for name in [name for name in ("validation", "test") if name in chosen]:
        overlapping = 0
        for part in chosen[name]:
            base = source.base(part.split)
            if (before := rows_before.get(part.split)) is not None:
                ends = base.first[numbers(part)] + base.span
                overlapping += int((before[ends] > before[ends - base.ahead]).sum())
        if overlapping:
            message = f"windows of training hold steps that are predicted by {count(overlapping, 'window')} of {name}"
            help = "cut by time, as in `splits: {by: time, test: 20%}`, or leave out the windows between the slices"
            raise ConfigError(Problem("overlapping-splits", message, ("data", "splits", name), help=help))
