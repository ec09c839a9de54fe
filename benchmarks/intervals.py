"""How sure a ratio of two rows is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST = 3


class Ratio(NamedTuple):
    """A ratio and its 95 % interval, which is left open where there are too few pairs for one that says anything."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})" if self.low > 0 else f"{self.value:.2f}"


def paired_ratio(rates: list[float], others: list[float]) -> Ratio:
    """The ratio of two rows measured in pairs, one of each in every repeat.

    The geometric mean of the pairs' ratios, and the interval of Student's t for the mean of their logarithms
    (scipy.stats.ttest_1samp): what slows both of a pair falls out, and a factor up weighs as much as one down.

    Args:
        rates: examples per second, one a repeat.
        others: of the row to compare with, in the same repeats.
    """
    logs = np.log(rates) - np.log(others)
    value = float(np.exp(logs.mean()))
    if len(logs) < FEWEST:
        return Ratio(value, 0.0, float("inf"))
    low, high = stats.ttest_1samp(logs, 0.0).confidence_interval(0.95)
    return Ratio(value, float(np.exp(low)), float(np.exp(high)))
