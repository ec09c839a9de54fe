"""Learning rates that are too high or too low, and losses that jump."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from dlkit.config.problems import Problem
from dlkit.training.health.rules import remedies
from dlkit.training.health.rules.context import (
    SEVERAL,
    SOUND,
    UNLEARNT,
    HealthContext,
    changes,
    figure,
    hardly_falls,
    share_of_constant,
    updates,
)

# The median over the layers, averaged over three looks: healthy runs of MNIST and diabetes stay below 0.014 (0.028 for
# a layer of a single unit) while they have learned little; rates a hundred times too high give 0.07 to 0.16.
HIGH, HIGH_LOOKS = 0.04, 3
# A loss so far above that of a constant answer, and above the first ones, means that training diverges; a new network
# may begin with a larger one, and is none the worse for it. Rates too high give 1.9 to 12 times the constant answer's.
DIVERGED, RISEN = 2.0, 1.2
# The first updates are large in healthy runs too: Adam's change new biases by several times their norm.
EARLY = 20
# The largest over the layers: healthy runs that have still to learn lie above 1e-3, rates a thousand times too low
# below 1.2e-5.
LOW = 1e-4
# Above half of the highest rate there was, a run is neither warming up nor at the end of its schedule.
FULL = 0.5
# Above half of the loss of a constant answer there is something left to learn.
UNFINISHED = 0.5
# Mean loss since the last look against the median of the ten looks before; healthy runs reach 1.8.
SPIKE, SPIKE_LOOKS = 4.0, 10


def too_high(case: HealthContext) -> Iterator[Problem]:
    """Updates that change the weights by far more than is sound, or a loss worse than a constant answer's."""
    yield from _large_updates(case) or _diverging(case)


def _large_updates(case: HealthContext) -> list[Problem]:
    looks = case.last(HIGH_LOOKS)
    if not looks or looks[-1].step < EARLY or not all(changes(look) for look in looks):
        return []
    if share_of_constant(case, case.looks[-SEVERAL:]) < UNLEARNT:
        return []
    medians = [statistics.median(changes(look)) for look in looks]
    # The geometric mean: one of them may be among the first updates.
    ratio = math.exp(statistics.fmean(math.log(max(value, 1e-12)) for value in medians))
    if ratio < HIGH:
        return []
    message = (
        f"the learning rate {looks[-1].rate:g} is too high: an update changes the weights of most layers by "
        f"{ratio:.1%} of their norm ({updates(looks)}), where about {SOUND:.1%} is sound, and the loss is "
        f"{looks[-1].recent:.3g}"
    )
    return [_too_high(case, message, SOUND / ratio)]


def _diverging(case: HealthContext) -> list[Problem]:
    looks = case.last()
    if not looks or looks[0].step < EARLY or share_of_constant(case, looks) < DIVERGED:
        return []
    # Medians, so that a single batch with a huge loss is none.
    loss, constant = statistics.median(look.recent for look in looks), case.constant
    at_first = statistics.median(look.recent for look in case.looks[:3])
    if loss < max(DIVERGED * constant, RISEN * at_first):
        return []
    message = (
        f"the learning rate {looks[-1].rate:g} is too high: the loss is {figure(loss)} "
        f"({updates(looks)}), and the same answer to every example would give {figure(constant)}"
    )
    return [_too_high(case, message, 0.1)]


def _too_high(case: HealthContext, message: str, factor: float) -> Problem:
    return Problem(
        "rate-too-high",
        message,
        key=("training", "optimizer", "learning_rate"),
        help=f"set {remedies.either(remedies.less_decay(case.config), remedies.rate(case.config, factor))}; "
        + remedies.FIND_LR,
        severity="warning",
    )


def too_low(case: HealthContext) -> Iterator[Problem]:
    """Updates that hardly change the weights, of a loss that hardly falls though there is much to learn."""
    looks = case.last()
    if not looks or not all(changes(look) for look in looks) or not hardly_falls(case):
        return
    highest = max(look.rate for look in case.looks[-1000:])
    full = highest > FULL * case.config.training.optimizer.learning_rate and looks[0].rate >= FULL * highest
    ratio = max(max(changes(look)) for look in looks)
    usual = statistics.median(statistics.median(changes(look)) for look in looks)
    if not full or usual == 0 or ratio > LOW or share_of_constant(case, looks) < UNFINISHED:
        return
    yield Problem(
        "rate-too-low",
        f"the learning rate {looks[-1].rate:g} is too low: an update changes no layer's weights by more than "
        f"{figure(ratio)} of their norm ({updates(looks)}), where about {SOUND:g} is sound, and the loss stays at "
        f"{looks[-1].recent:.3g}",
        key=("training", "optimizer", "learning_rate"),
        help=f"set {remedies.rate(case.config, SOUND / usual)}; {remedies.FIND_LR}",
        severity="warning",
    )


def spike(case: HealthContext) -> Iterator[Problem]:
    """A loss far above that of the looks before."""
    looks = case.looks[-SPIKE_LOOKS - 1 :]
    if len(looks) <= SEVERAL or looks[-1].step < EARLY:
        return
    newest, before = looks[-1], looks[:-1]
    usual = statistics.median(look.recent for look in before)
    # A run that has learned nearly everything has losses near 0, of which many times is still little.
    if newest.recent < SPIKE * usual or newest.recent - usual < UNFINISHED * case.constant:
        return
    yield Problem(
        "loss-spike",
        f"the loss jumped to {figure(newest.recent)} in {updates(looks[-2:])}, {figure(newest.recent / usual)} times "
        f"its median of {figure(usual)} in the {len(before)} looks before",
        key=("training", "optimizer", "global_clipnorm"),
        help="look for wrong labels or extreme values in the data; set "
        + remedies.either(remedies.clipping(case.config), remedies.rate(case.config, 0.3)),
        severity="warning",
    )
