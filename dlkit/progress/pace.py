"""How much longer: the time left for an epoch and for the run, from how fast it has been."""

from __future__ import annotations

from dlkit.training.listeners import RunPlan


class Pace:
    """The speed of a run.

    Attributes:
        epoch: the epoch under way, from 1.
        step: updates made in it.
        rate: examples per second, smoothed over some chunks; None before the first.
    """

    def __init__(self, plan: RunPlan) -> None:
        self._plan = plan
        self._epoch_seconds: list[float] = []
        self.epoch, self.step = plan.first_epoch, plan.first_step
        self.rate: float | None = None

    def progressed(self, epoch: int, step: int, rate: float) -> None:
        """A chunk ended, at `rate` examples per second."""
        # The first chunk compiles the program; its rate is replaced, not smoothed into the next.
        first = self.rate is None or (not self._epoch_seconds and self.step <= FIRST_STEPS)
        self.rate = rate if first or self.rate is None else 0.7 * self.rate + 0.3 * rate
        self.epoch, self.step = epoch, step

    def epoch_ended(self, epoch: int, seconds: float) -> None:
        """An epoch ended after this many seconds, validation included."""
        self._epoch_seconds.append(seconds)
        self.epoch, self.step = epoch + 1, 0

    def epoch_left(self) -> float | None:
        """Seconds until the last training step of this epoch; None while nothing is known."""
        train = self._plan.examples.get("train")
        if not self.rate or not train:
            return None
        return (self._plan.steps - self.step) / self._plan.steps * train / self.rate

    def run_left(self) -> float | None:
        """Seconds until the last epoch has ended, if none is left out."""
        left = self.epoch_left()
        if left is None or not self.rate:
            return None
        whole = self._epoch_seconds[-3:] or [(self._plan.examples.get("train") or 0) / self.rate]
        return left + (self._plan.epochs - self.epoch) * sum(whole) / len(whole)


FIRST_STEPS = 16
