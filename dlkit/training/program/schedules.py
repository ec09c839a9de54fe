"""Learning-rate schedules: from settings in epochs to a Keras schedule in steps."""

from __future__ import annotations

import math
from typing import Any

from keras import ops
from keras.optimizers import schedules as keras_schedules

from dlkit.schema.training import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    OneCycle,
    Polynomial,
    Schedule,
    ScheduleBase,
    StepDecay,
    Training,
)


def learning_rate(settings: Training, epochs: float, most: int | None, steps: int) -> Any:
    """The learning rate of a run: a Keras schedule, or a number where it never changes.

    Args:
        settings: of the run.
        epochs: over which the schedule is spread, but for those that `most` cuts off.
        most: updates after which the run ends, None for no limit.
        steps: updates in an epoch.
    """
    length = epochs if most is None else min(epochs, most / steps)
    return make_schedule(settings.schedule, settings.optimizer.learning_rate, steps, length)


def make_schedule(settings: Schedule, rate: float, steps_per_epoch: int, epochs: float) -> Any:
    """The learning rate as a function of the step.

    Args:
        settings: kind of schedule, its lengths in epochs.
        rate: full learning rate.
        steps_per_epoch: updates in an epoch.
        epochs: length of the whole run, over which cosine and one-cycle are spread.

    Returns:
        A keras LearningRateSchedule; the bare rate where it never changes.
    """
    total = round(epochs * steps_per_epoch)
    if isinstance(settings, OneCycle):
        return OneCycleRate(rate, total, settings.rise, settings.start_factor, settings.final_factor)
    assert isinstance(settings, ScheduleBase)
    warmup = round(settings.warmup_epochs * steps_per_epoch)
    after = _after_warmup(settings, rate, steps_per_epoch, total - warmup, warmup)
    return WarmUp(after, rate, warmup) if warmup else after


def _after_warmup(settings: Any, rate: float, steps_per_epoch: int, steps: int, warmup: int) -> Any:
    if isinstance(settings, Cosine):
        return keras_schedules.CosineDecay(rate, max(1, steps), alpha=settings.final_factor)
    if isinstance(settings, CosineRestarts):
        return keras_schedules.CosineDecayRestarts(
            rate,
            settings.first_epochs * steps_per_epoch,
            t_mul=settings.length_factor,
            m_mul=settings.rate_factor,
            alpha=settings.final_factor,
        )
    if isinstance(settings, Polynomial):
        return keras_schedules.PolynomialDecay(rate, max(1, steps), rate * settings.final_factor, settings.power)
    if isinstance(settings, InverseTime):
        return keras_schedules.InverseTimeDecay(
            rate, settings.decay_epochs * steps_per_epoch, settings.decay_rate, staircase=settings.staircase
        )
    if isinstance(settings, Exponential):
        return keras_schedules.ExponentialDecay(
            rate, settings.decay_epochs * steps_per_epoch, settings.decay_rate, staircase=settings.staircase
        )
    if isinstance(settings, StepDecay):
        # Keras falls after a boundary, and counts from 0: the first update of the next epoch is at `boundary`.
        boundaries = [round(epoch * steps_per_epoch) - 1 - warmup for epoch in settings.epochs]
        values = [rate * settings.factor**n for n in range(len(boundaries) + 1)]
        return keras_schedules.PiecewiseConstantDecay(boundaries, values)
    assert isinstance(settings, Constant)
    return rate


class WarmUp(keras_schedules.LearningRateSchedule):
    """A straight rise from 0 to the full rate, then another schedule counted from the end of the rise."""

    def __init__(self, after: Any, rate: float, steps: int) -> None:
        self.after, self.rate, self.steps = after, rate, steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rising = self.rate * (step + 1) / self.steps
        after = self.after(ops.maximum(step - self.steps, 0.0)) if callable(self.after) else self.after
        return ops.where(step < self.steps, rising, after)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"after": self.after, "rate": self.rate, "steps": self.steps}


class OneCycleRate(keras_schedules.LearningRateSchedule):
    """Half a cosine up, half a cosine down (Smith and Topin, 2017)."""

    def __init__(self, rate: float, steps: int, rise: float, start_factor: float, final_factor: float) -> None:
        self.rate, self.steps, self.rise = rate, steps, rise
        self.start_factor, self.final_factor = start_factor, final_factor

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        up = max(1.0, self.rise * self.steps)
        down = max(1.0, self.steps - 1 - up)
        rising = half_cosine(self.start_factor, 1.0, ops.minimum(step / up, 1.0))
        falling = half_cosine(1.0, self.final_factor, ops.clip((step - up) / down, 0.0, 1.0))
        return self.rate * ops.where(step < up, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "rate": self.rate,
            "steps": self.steps,
            "rise": self.rise,
            "start_factor": self.start_factor,
            "final_factor": self.final_factor,
        }


def half_cosine(begin: float, end: float, share: Any) -> Any:
    """From `begin` to `end` along half a cosine, as `share` goes from 0 to 1."""
    return end + (begin - end) * (1 + ops.cos(math.pi * share)) / 2
