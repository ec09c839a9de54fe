"""What a learning-rate range test found: the curve, and the rate that it suggests (Smith, 2017, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST, HIGHEST = 1e-7, 10.0
FEWEST_STEPS = 10
# Steps by which the average lags behind the loss, of few steps a tenth.
LAG = 9.0
# Slopes are those of straight lines through this much of the curve: from one step to the next they are mostly noise.
SLOPE_DECADES = 0.5
FEWEST_POINTS = 5
# A fall counts if it is this many times the noise of the batches in the average, and this share of the loss.
NOISE_FACTOR = 8.0
SMALLEST_FALL = 0.05
# It has begun where the average has come so much of the way to its lowest point.
BEGUN = 0.1


@dataclass(frozen=True, eq=False)
class RangeTest:
    """The curve of a range test, and what it suggests.

    Attributes:
        name: of the configuration.
        rates: learning rate of each step, float64, shape (steps,), rising by a constant factor.
        losses: training loss of each step's batch, before its update; same shape.
        smoothed: their exponential average, corrected for its start; same shape.
        planned: steps that were asked for; fewer were made if the loss diverged.
        diverged: whether the test ended because the loss did.
        suggestion: the rate at which the loss falls fastest, to two digits; None if it never falls.
        alternative: a tenth of the rate at which it is lowest, to two digits; None if it never falls.
        problems: warnings about the curve.
    """

    name: str
    rates: np.ndarray = field(repr=False)
    losses: np.ndarray = field(repr=False)
    smoothed: np.ndarray = field(repr=False)
    planned: int
    diverged: bool
    suggestion: float | None
    alternative: float | None
    problems: tuple[Problem, ...] = ()

    def plot(self) -> Figure:
        """The curve as a matplotlib figure, whose `savefig` writes it.

        Raises:
            RunError: if there is no curve.
        """
        from dlkit.training.find_lr.plot import draw

        return draw(self)

    def _repr_png_(self) -> bytes | None:
        """The picture, where a notebook shows the result and there is a curve."""
        from dlkit.training.find_lr.plot import png

        return png(self) if len(self.losses) else None


def check_range(lowest: float, highest: float, steps: int | None) -> None:
    """Refuse a range that cannot be tested.

    Args:
        lowest: first learning rate.
        highest: last one.
        steps: how many; None where the data decide.

    Raises:
        ConfigError: with each mistake.
    """
    problems = []
    for rate in (lowest, highest):
        if not (math.isfinite(rate) and rate > 0):
            problems.append(
                Problem("bad-range", f"{rate:g} is not a learning rate", help="learning rates are positive numbers")
            )
    if not problems and lowest >= highest:
        problems.append(
            Problem(
                "bad-range",
                f"the rate cannot rise from {lowest:g} to {highest:g}",
                help="the first rate has to be the smaller one, as in --from 1e-7 --to 10",
            )
        )
    if steps is not None and steps < FEWEST_STEPS:
        problems.append(
            Problem(
                "bad-range",
                f"too few steps to see where the loss falls: {steps}",
                help=f"at least {FEWEST_STEPS} are needed; 100 to 300 give a clear curve",
            )
        )
    if problems:
        raise ConfigError(problems)


def read_curve(
    name: str, rates: Sequence[float] | np.ndarray, losses: Sequence[float], *, planned: int, diverged: bool
) -> RangeTest:
    """What a curve says.

    Args:
        name: of the configuration.
        rates: one a step.
        losses: finite ones, at most as many as there are rates.
        planned: steps that were asked for.
        diverged: whether the loss ended the test.
    """
    x, y = np.asarray(rates, np.float64)[: len(losses)], np.asarray(losses, np.float64)
    smoothed = smooth(y, smoothing(planned))
    suggestion = alternative = None
    why = _why_nothing(y, smoothed, smoothing(planned), diverged=diverged)
    if why is not None:
        problems = [why]
    else:
        # The average falls fastest only some steps after the loss does: a factor of two to four in the rate.
        steepest = max(0, _steepest(x, smoothed) - round(lag(planned)))
        lowest = int(np.argmin(smoothed))
        suggestion, alternative = _two_digits(x[steepest]), _two_digits(x[lowest] / 10)
        problems = _at_an_edge(x, steepest, still_falls=_still_falls(smoothed, diverged=diverged))
    return RangeTest(name, x, y, smoothed, planned, diverged, suggestion, alternative, tuple(problems))


def smooth(losses: np.ndarray, decay: float) -> np.ndarray:
    """The exponential average, divided by the weight it has gathered so far (Kingma and Ba, 2014, section 3)."""
    averages, average = np.empty(len(losses)), 0.0
    for i, loss in enumerate(losses):
        average = decay * average + (1 - decay) * loss
        averages[i] = average / (1 - decay ** (i + 1))
    return averages


def lag(steps: int) -> float:
    """Mean age, in steps, of the losses in the average, for a test of this many steps."""
    return min(LAG, steps / 10)


def smoothing(steps: int) -> float:
    """The decay of an average of that age: 0.9 from 90 steps on."""
    return lag(steps) / (1 + lag(steps))


def _why_nothing(losses: np.ndarray, smoothed: np.ndarray, decay: float, *, diverged: bool) -> Problem | None:
    """A warning if the curve suggests no rate."""
    if len(losses) < FEWEST_STEPS:
        return Problem(
            "no-suggestion",
            f"the loss diverged after {count(len(losses), 'step')}, before there was a curve to read",
            help="start lower with --from, or look at the data and the model with `dlkit check`",
            severity="warning",
        )
    begin, fall = _fall(smoothed)
    # What the batches differ by, seen where the rate is still too low to learn; the average leaves a part of it.
    noise = np.std(np.diff(losses[: max(FEWEST_STEPS, len(losses) // 4)])) / math.sqrt(2)
    noise *= math.sqrt((1 - decay) / (1 + decay))
    if fall > NOISE_FACTOR * noise and fall > SMALLEST_FALL * abs(begin):
        return None
    first = (
        "go higher with --to"
        if _still_falls(smoothed, diverged=diverged)
        else "try more steps with --steps, or another range with --from and --to"
    )
    return Problem(
        "no-suggestion",
        "at no rate that was tried does the loss fall clearly",
        help=f"{first}; if that changes nothing, look at the data and the model with `dlkit check`",
        severity="warning",
    )


def _fall(smoothed: np.ndarray) -> tuple[float, float]:
    """The smoothed loss at the beginning, past its first few averages of hardly any batches; and how far it falls."""
    begin = float(smoothed[min(FEWEST_STEPS, len(smoothed) // 5)])
    return begin, begin - float(smoothed.min())


def _steepest(rates: np.ndarray, smoothed: np.ndarray) -> int:
    """The step around which the smoothed loss falls fastest by the logarithm of the rate, on its way to the lowest."""
    x = np.log10(rates)
    around = max(FEWEST_POINTS // 2, round(SLOPE_DECADES / 2 / (x[1] - x[0])))
    begin, fall = _fall(smoothed)
    lowest = int(np.argmin(smoothed))
    # Before the fall has begun for good, a steep place is noise.
    before = np.flatnonzero(smoothed[:lowest] > begin - BEGUN * fall)
    slopes = {}
    for i in range(int(before[-1]) if len(before) else 0, lowest + 1):
        part = slice(max(0, i - around), i + around + 1)
        slopes[i] = float(np.polyfit(x[part], smoothed[part], 1)[0])
    return min(slopes, key=slopes.__getitem__)


def _still_falls(smoothed: np.ndarray, *, diverged: bool) -> bool:
    """Whether the loss is lowest at the end of the range."""
    return not diverged and int(np.argmin(smoothed)) >= len(smoothed) - FEWEST_STEPS // 2


def _at_an_edge(rates: np.ndarray, steepest: int, *, still_falls: bool) -> list[Problem]:
    """A warning if the range ends before the curve does."""
    if still_falls:
        message, help = f"the loss still falls at the highest rate, {rates[-1]:.2g}", "go higher with --to"
    elif math.log10(rates[steepest] / rates[0]) < SLOPE_DECADES:
        message, help = f"the loss falls fastest near the lowest rate, {rates[0]:.2g}", "go lower with --from"
    else:
        return []
    return [Problem("range-too-narrow", f"{message}: a better one may lie beyond", help=help, severity="warning")]


def _two_digits(rate: float) -> float:
    """More digits would claim more than a noisy curve knows."""
    return float(f"{rate:.2g}")
