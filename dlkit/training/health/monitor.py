"""Looks at a run in training every few seconds, and reports what it finds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from dlkit.config.problems import Key, Problem, RunError
from dlkit.data.feeding import Block
from dlkit.schema import Config
from dlkit.training.clock import Clock
from dlkit.training.health.probe import HealthProbe, layer_stats
from dlkit.training.health.rules import HealthContext, findings
from dlkit.training.health.snapshot import HealthSnapshot

# Seconds between two looks: a look and the update that it measures take some milliseconds.
SECONDS = 2.0
# The first one comes once training has gone on for so long that compiling the looks, half a second, is worth its while.
FIRST_SECONDS = 5.0


class HealthMonitor:
    """The looks at a run, and what was found.

    Attributes:
        looks: so far, also those before an interruption.
        found: code of each finding that was reported.
    """

    def __init__(self, config: Config, probe: HealthProbe, *, steps: int, origins: Mapping[str, Key]) -> None:
        """Look at nothing yet.

        Args:
            config: of the run.
            probe: what measures.
            steps: updates in an epoch.
            origins: which setting made each layer; see `BuiltModel.origins`.
        """
        self._origins = origins
        self._config, self._probe, self._steps, self._every = config, probe, steps, config.training.health
        self.looks: list[HealthSnapshot] = []
        self.found: set[str] = set()
        # The first look comes once training has gone on for so long that a program for looking is worth its while.
        self._due: float | None = None
        self._begun: tuple[dict[str, Any], list[tf.Tensor]] | None = None
        # Seconds of waiting for data, and of the run, at the last look.
        self._clocked = (0.0, 0.0)

    def remember(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take the looks and findings of the run so far from its events.

        Raises:
            RunError: if they are none that a run writes.
        """
        try:
            self.looks = [HealthSnapshot.from_json(event["look"]) for event in events if event["kind"] == "health"]
            self.found = {event["code"] for event in events if event["kind"] == "finding"}
        except (KeyError, ValueError) as error:
            message = "the events of the run hold a look at the network that none was ever written as"
            raise RunError(Problem("damaged-run", message, help="take events.jsonl from a copy")) from error

    def to_border(self, step: int) -> int | None:
        """Updates until the next look, where looks come at fixed steps; else None."""
        return self._every - step % self._every if isinstance(self._every, int) else None

    def due(self, step: int, *, full: bool) -> bool:
        """Whether the next update will be looked at.

        Args:
            step: updates made before it.
            full: whether its batch is a full one; a short one would need a program of its own.
        """
        if isinstance(self._every, int):
            return step % self._every == 0
        if self._every == "off" or step == 0 or not full:
            return False
        if self._due is None:
            self._due = time.monotonic() + FIRST_SECONDS
        return time.monotonic() >= self._due

    def before(self, block: Block, i: int) -> None:
        """Measure the network at batch `i` of a block, which comes next."""
        self._begun = self._probe.measure(block, i), self._probe.weights()

    def after(self, step: int, epoch: int, rate: float, clock: Clock, counted: tuple[float, float]) -> HealthSnapshot:
        """Measure what the update of that batch changed.

        Args:
            step: updates made before it.
            epoch: from 1.
            rate: its learning rate.
            clock: of the run.
            counted: the loss summed over the epoch so far, and how much was counted; see `RunningMetrics.counted`.
        """
        assert self._begun is not None
        figures, before = self._begun
        self._begun = None
        layers = layer_stats(figures["layers"], self._probe.moved(before))
        classes = {name: (pair[0], pair[1]) for name, pair in figures["classes"].items()}
        waited, seconds = clock.seconds["data"] - self._clocked[0], clock.total - self._clocked[1]
        self._clocked = clock.seconds["data"], clock.total
        look = HealthSnapshot(
            step=step,
            epoch=epoch,
            loss=figures["loss"],
            recent=self._recent(epoch, *counted),
            rate=rate,
            gradient=figures["gradient"],
            constant=figures["constant"],
            layers=layers,
            classes=classes,
            seconds=seconds,
            waiting=waited / max(seconds, 1e-9),
            counted=counted,
        )
        # As it is recorded, so that a run that goes on judges by the same figures.
        look = HealthSnapshot.from_json(look.to_json())
        self.looks.append(look)
        self._due = time.monotonic() + SECONDS
        return look

    def new_findings(self, history: Sequence[Mapping[str, Any]]) -> list[Problem]:
        """What the looks and the rows of the history so far say that was not said before."""
        if self._every == "off":
            return []
        case = HealthContext(
            self._config, tuple(self.looks), tuple(history), self._steps, frozenset(self.found), self._origins
        )
        new = list(findings(case))
        self.found |= {finding.code for finding in new}
        return new

    def _recent(self, epoch: int, total: float, examples: float) -> float:
        """Mean loss since the last look, or since the epoch began, from the sums of the epoch so far."""
        begun = self.looks[-1].counted if self.looks and self.looks[-1].epoch == epoch else (0.0, 0.0)
        return (total - begun[0]) / max(examples - begun[1], 1.0)
