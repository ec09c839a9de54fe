"""The learning-rate range test: a short training in which the rate rises until the loss diverges (Smith, 2017).

Nothing is written, and the model is the test's own: no run begins, no checkpoint is made.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from dlkit.data.feeding import Block, Feeder
from dlkit.models.build import BuiltModel
from dlkit.schema import Config
from dlkit.schema.loader import Loaded
from dlkit.training.failures import refused_as_run_error
from dlkit.training.find_lr.curve import HIGHEST, LOWEST, RangeTest, check_range, read_curve, smoothing
from dlkit.training.prepare import PreCheck, Prepared, prepare
from dlkit.training.program.execution import ExecutionPlan, choose
from dlkit.training.program.strategy import replicas, session
from dlkit.training.program.train import TrainProgram

# An epoch, but not so few steps that there is no curve, nor more than it takes to draw one.
FEWEST, MOST = 200, 300
# The loss has diverged when its average is this many times its lowest; one that may be negative, when not finite.
DIVERGED = 4.0


def find_lr(
    loaded: Loaded,
    *,
    steps: int | None = None,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    data: Any = None,
    pre_check: PreCheck | None = None,
    runs_folder: Path = Path("runs"),
    on_step: Callable[[int, int, float, float], None] = lambda step, steps, rate, loss: None,
) -> RangeTest:
    """Train a model of its own with a rising learning rate.

    Args:
        loaded: the configuration; the optimizer's learning rate and the schedule are not used.
        steps: updates; by default an epoch, but at least 200 and at most 300.
        lowest: learning rate of the first step.
        highest: that of the last one.
        data: as for `dlkit.train`.
        pre_check: as for `dlkit.training.run.start`.
        runs_folder: where the run of `training.init_from` is looked for.
        on_step: called after each step with its number, the number of all, the rate and the loss.

    Returns:
        The curve up to where the loss diverged, and what it suggests. The same for the same seed.

    Raises:
        ConfigError: if the range cannot be tested, or the configuration does not fit the data.
        RunError: if TensorFlow refuses the data or the device.
    """
    check_range(lowest, highest, steps)
    with loaded.locating(), refused_as_run_error(), session(loaded.config):
        prepared = prepare(_whole(loaded), data, pre_check=pre_check, weights_from=runs_folder)
        feeder = prepared.training_feeder()
        steps = steps or min(MOST, max(FEWEST, feeder.steps))
        rates = np.geomspace(lowest, highest, steps)
        losses, diverged = _losses(prepared, feeder, rates, on_step)
    return read_curve(loaded.config.name, rates, losses, planned=steps, diverged=diverged)


def _whole(loaded: Loaded) -> Loaded:
    """The configuration with all of its examples: a range test is short by itself."""
    training = loaded.config.training.model_copy(update={"fast_dev_run": False})
    return dataclasses.replace(loaded, config=loaded.config.model_copy(update={"training": training}))


def _losses(
    prepared: Prepared, feeder: Feeder, rates: np.ndarray, on_step: Callable[[int, int, float, float], None]
) -> tuple[list[float], bool]:
    """The loss of each step until it diverges, and whether it did."""
    config, built = prepared.config, prepared.built
    rising = RisingRate(float(rates[0]), float(rates[-1]), len(rates))
    optimizer = prepared.trained.optimizer(config.training.optimizer, rising, config.runtime.precision)
    program = TrainProgram(built, feeder, optimizer, config, _choices(config, built))
    losses: list[float] = []
    loss, decay, average, best = program.metrics.loss, smoothing(len(rates)), 0.0, math.inf
    for (block, i), rate in zip(_batches(feeder, config.seed), rates, strict=False):
        loss.reset_state()
        program.run(block, i, i + 1)
        value = float(loss.result())
        if not math.isfinite(value):
            return losses, True
        losses.append(value)
        on_step(len(losses), len(rates), float(rate), value)
        average = decay * average + (1 - decay) * value
        smoothed = average / (1 - decay ** len(losses))
        best = min(best, smoothed)
        if smoothed > DIVERGED * best > 0:
            return losses, True
    return losses, False


def _batches(feeder: Feeder, seed: int) -> Iterator[tuple[Block, int]]:
    """Batches in the order of training, epoch after epoch, without end."""
    epoch = 0
    while True:
        for block in feeder.blocks(seed, epoch):
            yield from ((block, i) for i in range(block.steps))
        epoch += 1


def _choices(config: Config, built: BuiltModel) -> ExecutionPlan:
    """Those of training, but for XLA where it is not asked for: to compile takes it longer than all the steps."""
    choices = choose(config, built, replicas(config))
    return choices if config.runtime.compile == "xla" else dataclasses.replace(choices, compile="graph")


class RisingRate(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises by the same factor with every step."""

    def __init__(self, lowest: float, highest: float, steps: int) -> None:
        self.lowest, self.highest, self.steps = lowest, highest, steps

    def __call__(self, step: Any) -> Any:
        share = ops.cast(step, "float32") / (self.steps - 1)
        return self.lowest * ops.exp(math.log(self.highest / self.lowest) * share)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"lowest": self.lowest, "highest": self.highest, "steps": self.steps}
