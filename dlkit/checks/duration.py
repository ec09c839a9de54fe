"""The rule on how long training takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import tensorflow as tf

from dlkit import speed
from dlkit.checks.context import CheckContext, attempt
from dlkit.config.problems import Problem
from dlkit.models.outline import outline, total

# Hours from which the message speaks.
LONG = 12
HELP = "fewer epochs, a smaller network or smaller inputs; or a machine with a GPU"


def long_training(case: CheckContext) -> Iterator[Problem]:
    """A network that takes days on this machine, which nobody expects of a few lines."""
    if case.config.training.max_time is not None or tf.config.list_physical_devices("GPU"):
        return
    # To measure the processor takes longer than all else that is looked at before training: only if it may matter.
    if not _is_long(seconds(case, speed.SLOWEST)) or not _is_long(needed := seconds(case)):
        return
    if case.trial is not None and not _is_long(needed := measured(case)):
        return
    message = f"{case.config.training.epochs} epochs take {speed.in_words(needed)} on this processor"
    yield Problem("long-training", message, ("training", "epochs"), help=HELP, severity="warning")


def seconds(case: CheckContext, rate: float | None = None) -> float:
    """How long all epochs take, in seconds, by the multiply-adds of the network; 0 where examples are not counted.

    Args:
        case: what is looked at.
        rate: multiply-adds per second; those of this processor if None.
    """
    examples = case.built.spec.sizes.get("train") or 0
    multiply_adds, _ = total(outline(case.built.network))
    steps = examples / case.config.data.batch_size
    return _epochs(case, steps) * speed.seconds_of_epoch(multiply_adds, examples, rate=rate) if steps else 0.0


def measured(case: CheckContext) -> float:
    """How long all epochs take, in seconds, by a step of training that is run once more."""
    began = time.perf_counter()
    attempt(case.built, case.batches["train"])
    step = time.perf_counter() - began
    return step * case.steps["train"] * _epochs(case, case.steps["train"])


def _epochs(case: CheckContext, steps: float) -> float:
    """Epochs of so many updates each, as far as `max_steps` lets them go."""
    settings = case.config.training
    return settings.epochs if settings.max_steps is None else min(settings.epochs, settings.max_steps / steps)


def _is_long(seconds: float) -> bool:
    return seconds > LONG * 3600
