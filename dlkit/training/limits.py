"""What ends training before its last epoch has been reached, and what makes a run short on purpose."""

from __future__ import annotations

import math
import re
from typing import Any

from dlkit.schema import Config
from dlkit.schema.training import LimitBatches, Training
from dlkit.training.program.schedules import make_schedule

UNITS = {"h": 3600, "m": 60, "s": 1}
# Enough to see a full batch and what comes after it.
FAST_DEV_BATCHES = 2


def time_limit(settings: Training) -> float:
    """Seconds that training may take; infinitely many where no limit is set."""
    if settings.max_time is None:
        return math.inf
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", settings.max_time))


def learning_rate(settings: Training, epochs: float, steps: int) -> Any:
    """The learning rate of a run: a Keras schedule, or a number where it never changes.

    Args:
        settings: of the run.
        epochs: over which the schedule is spread, but for those that `max_steps` cuts off.
        steps: updates in an epoch.
    """
    length = epochs if settings.max_steps is None else min(epochs, settings.max_steps / steps)
    return make_schedule(settings.schedule, settings.optimizer.learning_rate, steps, length)


def shortened(config: Config) -> Config:
    """The configuration as it is run: with `fast_dev_run`, one epoch of a few batches of each split."""
    wanted = config.training.fast_dev_run
    if not wanted:
        return config
    few = FAST_DEV_BATCHES if wanted is True else wanted
    limits = LimitBatches(train=few, validation=few, test=few)
    # What the run keeps is what it does: one epoch of limited batches.
    training = config.training.model_copy(update={"epochs": 1, "limit_batches": limits, "fast_dev_run": False})
    return config.model_copy(update={"training": training, "expects": {}})
