"""What a run reports while it goes on. A listener overrides what it cares for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlkit.config.problems import Problem
from dlkit.training.health.snapshot import HealthSnapshot


@dataclass(frozen=True)
class RunPlan:
    """What is about to be trained.

    Attributes:
        name: of the configuration.
        folder: of the run.
        epochs: last epoch.
        first_epoch: epoch that comes next, from 1.
        steps: updates in an epoch.
        examples: examples in an epoch, of train, validation and test; None for a split that is not there.
        parameters: trainable numbers of the network.
        monitor: column of the history that decides which epoch is best, or None.
        mode: `min` or `max`.
        compiled: `xla` or `graph`.
        micro_batches: that a batch is cut into, to be computed side by side.
        first_step: updates already made in that epoch, where a run goes on in the middle of one.
        devices: as TensorFlow names them.
    """

    name: str
    folder: str
    epochs: int
    first_epoch: int
    steps: int
    examples: dict[str, int | None]
    parameters: int
    monitor: str | None
    mode: str
    compiled: str
    micro_batches: int = 1
    first_step: int = 0
    devices: tuple[str, ...] = ()


class Listener:
    """Called with everything that happens in a run, as it happens. Does nothing by itself."""

    def preparing(self, done: int, total: int) -> None:
        """Examples are decoded and resized before training begins: how many, and of how many."""

    def started(self, plan: RunPlan) -> None:
        """Training is about to begin."""

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        """A chunk ended.

        Args:
            epoch: from 1.
            step: updates made in this epoch.
            rate: examples per second over the last chunk.
            logs: loss and metrics since the epoch began.
        """

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        """An epoch and its validation ended.

        Args:
            row: the epoch's row of the history.
            best: whether it is the best so far.
            seconds: how long it took, validation included.
        """

    def noted(self, kind: str, text: str) -> None:
        """Something worth a line happened: `early-stopping`, `checkpoint-skipped`, `rollback`, ..."""

    def goes_back(self) -> None:
        """What was recorded since a checkpoint is about to be dropped: close the files that it is in."""

    def health_measured(self, look: HealthSnapshot) -> None:
        """Gradients, weights and activations were measured at one update."""

    def found(self, finding: Problem) -> None:
        """The figures say that something is wrong, and which setting to change."""

    def finished(self, result: dict[str, Any]) -> None:
        """The run is over: test loss and metrics, folder, whether expectations hold."""


class Listeners(Listener):
    """Several listeners as one."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def preparing(self, done: int, total: int) -> None:
        for listener in self._listeners:
            listener.preparing(done, total)

    def started(self, plan: RunPlan) -> None:
        for listener in self._listeners:
            listener.started(plan)

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        for listener in self._listeners:
            listener.progressed(epoch, step, rate, logs)

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        for listener in self._listeners:
            listener.epoch_ended(row, best, seconds)

    def noted(self, kind: str, text: str) -> None:
        for listener in self._listeners:
            listener.noted(kind, text)

    def goes_back(self) -> None:
        for listener in self._listeners:
            listener.goes_back()

    def health_measured(self, look: HealthSnapshot) -> None:
        for listener in self._listeners:
            listener.health_measured(look)

    def found(self, finding: Problem) -> None:
        for listener in self._listeners:
            listener.found(finding)

    def finished(self, result: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener.finished(result)
