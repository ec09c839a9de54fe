"""Which epoch is best, whose weights are kept for it, and when to stop early."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dlkit.config.problems import Problem, RunError
from dlkit.schema.training import Training
from dlkit.training.checkpoints.files import Progress


class BestTracker:
    """Compares the epochs of a run by one column of its history.

    Attributes:
        monitor: that column, None where nothing decides.
        mode: `min` or `max`.
    """

    def __init__(self, settings: Training, *, validation: bool) -> None:
        """A judge by the settings' `monitor`, or by `val_loss` where there is a validation split."""
        self.monitor, self.mode = chosen_monitor(settings, validation=validation)
        self._stopping, self._keep = settings.early_stopping, settings.checkpoints.keep_best

    def judge(self, row: Mapping[str, Any], progress: Progress) -> bool:
        """Whether an epoch is the best so far; what follows from it is written into the progress.

        Args:
            row: the epoch's row of the history.
            progress: of the run; its ranking, its count of epochs without improvement and its end are changed.

        Raises:
            RunError: if the monitored column is not there.
        """
        if self.monitor is None:
            return False
        if self.monitor not in row:
            raise RunError(
                Problem(
                    "no-such-column",
                    f"there is no `{self.monitor}` in the history",
                    key=("training", "monitor"),
                    help=f"choose one of {', '.join(k for k in row if k not in ('epoch', 'learning_rate'))}",
                )
            )
        if row[self.monitor] is None:
            return False  # an epoch that was not validated
        value, best, sign = row[self.monitor], progress.best_value, 1 if self.mode == "min" else -1
        gain = math.inf if best is None else sign * (best - value)
        # What is no number is never the best.
        improved = not math.isnan(value) and gain > 0
        enough = improved and gain > (self._stopping.min_delta if self._stopping else 0)
        progress.epochs_without_improvement = 0 if enough else progress.epochs_without_improvement + 1
        self._rank(value, progress, sign)
        if self._stopping and progress.epochs_without_improvement >= self._stopping.patience:
            progress.stopped = f"{self.monitor} has not improved for {self._stopping.patience} epochs"
        return improved

    def _rank(self, value: float, progress: Progress, sign: int) -> None:
        """Put the epoch that has just ended among the best ones, if it is one; of equals the earlier is."""
        if math.isnan(value):
            return
        ranked = [*zip(progress.best_values, progress.best_epochs, strict=True), (value, progress.epoch)]
        ranked = sorted(ranked, key=lambda pair: (sign * pair[0], pair[1]))[: self._keep]
        progress.best_values, progress.best_epochs = ([*part] for part in zip(*ranked, strict=True))


def chosen_monitor(settings: Training, *, validation: bool) -> tuple[str | None, str]:
    """The column of the history that decides which epoch is best, None where nothing does; and `min` or `max`."""
    monitor = settings.monitor or ("val_loss" if validation else None)
    return monitor, _mode(settings.mode, monitor)


def _mode(mode: str, monitor: str | None) -> str:
    """Whether lower or higher is better, by the words of the monitored name where it is left open."""
    if mode != "auto":
        return mode
    lower = ("loss", "error", "divergence", "poisson", "hinge", "crossentropy", "false_")
    return "min" if monitor is None or any(word in monitor for word in lower) else "max"
