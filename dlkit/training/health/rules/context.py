"""What the rules judge by: the looks and the history of a run so far."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlkit.config.problems import Key, Problem
from dlkit.schema import Config
from dlkit.training.health.snapshot import HealthSnapshot

# Looks that agree before something is reported: one of them alone may be an unlucky batch.
SEVERAL = 5
# Share of the loss of a constant answer above which next to nothing is learned. Healthy runs of MNIST are at 0.3 to 0.6
# after two epochs; those that learn nothing are at 1.0 to 1.1, since a batch is fitted best by its own shares.
UNLEARNT = 0.9
# A loss that has fallen by less stands still.
STILL = 0.98
# Share of dead units in a layer. Healthy runs of MNIST (batches of 8 to 256) stay below 0.31 in five looks in a row;
# rates a hundred times too high give 0.72 to 1.
DEAD = 0.7
# A sound update changes weights by about a thousandth of their norm (Karpathy, 2015, "update/weight ratio").
SOUND = 1e-3


@dataclass(frozen=True)
class HealthContext:
    """What is known of a run so far.

    Attributes:
        config: of the run.
        looks: at its updates, in order.
        history: a row per epoch.
        steps: updates in an epoch.
        reported: codes of what was found before.
        origins: which setting made each layer; see `BuiltModel.origins`.
    """

    config: Config
    looks: tuple[HealthSnapshot, ...]
    history: tuple[Mapping[str, Any], ...]
    steps: int
    reported: frozenset[str] = frozenset()
    origins: Mapping[str, Key] = field(default_factory=dict)

    def last(self, count: int = SEVERAL) -> tuple[HealthSnapshot, ...]:
        """The newest looks; none where there are fewer."""
        return self.looks[-count:] if len(self.looks) >= count else ()

    @property
    def constant(self) -> float:
        """Loss of the same answer to every example, over the batches of many looks: a single one says little of it."""
        return statistics.fmean(look.constant for look in self.looks[-100:])


Rule = Callable[[HealthContext], Iterator[Problem]]


def share_of_constant(case: HealthContext, looks: Sequence[HealthSnapshot]) -> float:
    """Mean loss of some looks, as a share of what the same answer to every example would give.

    0 where that is 0, or less in a loss that has no lowest value: nothing can be said of such a run.
    """
    return statistics.fmean(look.recent for look in looks) / case.constant if case.constant > 1e-12 else 0.0


def hardly_falls(case: HealthContext) -> bool:
    """Whether the loss of the newest looks is no better than a constant answer, or than that of the looks before."""
    newest = case.last()
    before = case.looks[-2 * SEVERAL : -SEVERAL]
    if not newest:
        return False
    if UNLEARNT < share_of_constant(case, newest) < 1 / UNLEARNT:
        return True
    then = statistics.median(look.recent for look in before) if len(before) == SEVERAL else float("inf")
    return statistics.median(look.recent for look in newest) > STILL * then


def dead_layers(look: HealthSnapshot) -> dict[str, float]:
    """The layers most of whose units are dead, with their share."""
    return {name: x.dead for name, x in look.layers.items() if x.dead is not None and x.dead >= DEAD}


def changes(look: HealthSnapshot) -> list[float]:
    """By layer that has weights, how far the update moved them, as a share of their norm."""
    return [figures.update for figures in look.layers.values() if figures.update is not None]


def updates(looks: Sequence[HealthSnapshot]) -> str:
    """The updates that some looks were at, in words."""
    return f"updates {looks[0].step:,} to {looks[-1].step:,}"


def figure(value: float) -> str:
    """A number as it is said: two digits, and no more zeros than are read at a glance."""
    return f"{value:.2g}" if 1e-3 <= abs(value) < 100 or value == 0 else _large_or_small(value)


def _large_or_small(value: float) -> str:
    return f"{value:,.0f}" if 100 <= abs(value) < 1e6 else f"{value:.1e}"
