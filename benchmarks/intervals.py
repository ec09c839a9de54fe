"""How sure a ratio of two rows is."""

from __future__ import annotations

import statistics
from typing import NamedTuple

FEWEST = 3


class Ratio(NamedTuple):
    """A ratio and its interval, which is left open where there are too few pairs for one that says anything."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})" if self.low > 0 else f"{self.value:.2f}"


def paired_ratio(rates: list[float], others: list[float]) -> Ratio:
    """The ratio of two rows measured in pairs, one of each in every repeat.

    The median of the pairs' ratios, and the lowest and highest of them: an interval that holds the true median with a
    probability of 1 - 2^(1-n), which is 94 % for five pairs and 97 % for six, whatever their distribution (David and
    Nagaraja, Order Statistics, 2003, section 7.1). On a shared machine single turns are twice as slow as the others,
    which a mean, or an interval made of one, does not survive.

    Args:
        rates: examples per second, one a repeat.
        others: of the row to compare with, in the same repeats.
    """
    ratios = [a / b for a, b in zip(rates, others, strict=True)]
    if len(ratios) < FEWEST:
        return Ratio(statistics.median(ratios), 0.0, float("inf"))
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))
