"""The rule on how long training takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import tensorflow as tf

from dlkit.checks.context import CheckContext, attempt
from dlkit.config.problems import Problem
from dlkit.models.outline import outline, total
from dlkit.speed import in_words, seconds_of_epoch

# Hours from which the message speaks.
LONG = 12
HELP = "fewer epochs, a smaller network or smaller inputs; or a machine with a GPU"


def seconds(case: CheckContext) -> float | None:
    """How long all epochs take, in seconds, by the multiply-adds of the network and what this processor does of them.

    None where the number of examples is not known, or a GPU trains.
    """
    examples = case.built.spec.sizes.get("train")
    if not examples or tf.config.list_physical_devices("GPU"):
        return None
    multiply_adds, _ = total(outline(case.built.network))
    settings = case.config.training
    epochs: float = settings.epochs
    if settings.max_steps is not None:
        epochs = min(epochs, settings.max_steps * case.config.data.batch_size / examples)
    return epochs * seconds_of_epoch(multiply_adds, examples)


def measured(case: CheckContext) -> float:
    """How long all epochs take, in seconds, by a step of training that is run once more."""
    batch = case.batches["train"]
    began = time.perf_counter()
    attempt(case.built, batch)
    step = time.perf_counter() - began
    settings = case.config.training
    steps = case.steps["train"] * settings.epochs
    return step * (steps if settings.max_steps is None else min(steps, settings.max_steps))


def long_training(case: CheckContext) -> Iterator[Problem]:
    """A network that takes days on this machine, which nobody expects of a few lines."""
    needed = seconds(case)
    if needed is None or needed < LONG * 3600 or case.config.training.max_time is not None:
        return
    if case.trial is not None:
        needed = measured(case)
    if needed > LONG * 3600:
        number = case.config.training.epochs
        message = f"{number} epochs take {in_words(needed)} on this processor"
        yield Problem("long-training", message, ("training", "epochs"), help=HELP, severity="warning")
