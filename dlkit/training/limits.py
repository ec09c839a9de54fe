"""What ends training before its last epoch has been reached, and what makes a run short on purpose."""

from __future__ import annotations

import math
import re
import sys
import time

from dlkit.config.phrases import count
from dlkit.schema import Config
from dlkit.schema.training import LimitBatches, Training
from dlkit.training.checkpoints.files import Progress
from dlkit.training.coordinator import Coordinator

UNITS = {"h": 3600, "m": 60, "s": 1}
# Enough to see a full batch and what comes after it.
FAST_DEV_BATCHES = 2


class Limits:
    """The limits of a run in updates and in time.

    Attributes:
        seconds: that training has taken so far, all parts of the run together.
    """

    def __init__(self, settings: Training, coordinator: Coordinator) -> None:
        """Time begins to run."""
        self._settings, self._coordinator = settings, coordinator
        self._max_steps = settings.max_steps or sys.maxsize
        self.seconds = 0.0
        self._counted_at = time.monotonic()

    def to_border(self, progress: Progress) -> int:
        """Updates until the last one; as good as infinitely many without `max_steps`."""
        return self._max_steps - progress.step

    def count(self, progress: Progress) -> None:
        """Count the time up to now; where a limit is reached, the run is to stop."""
        now = time.monotonic()
        self.seconds += now - self._counted_at
        self._counted_at = now
        if progress.step >= self._max_steps:
            progress.stop("max_steps", f"`training.max_steps` of {count(self._max_steps, 'update')} is reached")
        elif self._coordinator.any(self.seconds >= time_limit(self._settings)):
            progress.stop("max_time", f"`training.max_time` of {self._settings.max_time} is over")


def still_stopped(progress: Progress, seconds: float, settings: Training) -> bool:
    """Whether what ended a run would end it again under these settings, before any update.

    Args:
        progress: of the run at its end.
        seconds: that training has taken.
        settings: that it is to go on with.
    """
    if progress.stopped_by == "max_steps":
        return settings.max_steps is not None and progress.step >= settings.max_steps
    if progress.stopped_by == "max_time":
        return seconds >= time_limit(settings)
    if progress.stopped_by == "early_stopping":
        stopping = settings.early_stopping
        return stopping is not None and progress.epochs_without_improvement >= stopping.patience
    return progress.stopped is not None


def time_limit(settings: Training) -> float:
    """Seconds that training may take; infinitely many where no limit is set."""
    if settings.max_time is None:
        return math.inf
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", settings.max_time))


def shortened(config: Config) -> Config:
    """The configuration as it is run: with `fast_dev_run`, one epoch of a few batches of each split."""
    wanted = config.training.fast_dev_run
    if not wanted:
        return config
    few = FAST_DEV_BATCHES if wanted is True else wanted
    limits = LimitBatches(train=few, validation=few, test=few)
    training = config.training.model_copy(update={"epochs": 1, "limit_batches": limits})
    return config.model_copy(update={"training": training, "expects": {}})
