"""The program that trains, and what belongs to it: its state, its learning rate, and what looks at its health."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import keras

from dlkit.data.feeding import Feeder
from dlkit.runs import RunFolder
from dlkit.training.best import BestTracker
from dlkit.training.checkpoints.files import Progress
from dlkit.training.clock import Clock
from dlkit.training.health.monitor import HealthMonitor
from dlkit.training.health.probe import HealthProbe
from dlkit.training.health.snapshot import HealthSnapshot
from dlkit.training.listeners import RunPlan
from dlkit.training.nonfinite.rollback import remedied
from dlkit.training.nonfinite.trace import Pieces
from dlkit.training.prepare import Prepared
from dlkit.training.program.execution import ExecutionPlan
from dlkit.training.program.schedules import learning_rate
from dlkit.training.program.state import State
from dlkit.training.program.strategy import devices
from dlkit.training.program.train import TrainProgram
from dlkit.training.trained import are_frozen


class Engine:
    """The compiled program of a run. After a rollback there is a new one, with the remedy in it, and another one once
    layers are no longer frozen.

    Attributes:
        frozen: whether the layers of `training.freeze` are, as far as there are any.
        program: training steps.
        optimizer: of the program.
        state: the variables of network and program.
        monitor: when the run is looked at, and what is found.
    """

    def __init__(self, prepared: Prepared, plan: ExecutionPlan, feeder: Feeder, progress: Progress) -> None:
        """Compile nothing yet.

        Args:
            prepared: data and model of the run.
            plan: how the step is compiled.
            feeder: training batches.
            progress: of the run, with its epoch and the rollbacks so far.
        """
        config, built = remedied(prepared.config, progress), prepared.built
        self._config, self._built, self._plan = config, built, plan
        self._feeder = feeder
        self._rate = learning_rate(config.training, plan.schedule_epochs, plan.schedule_steps, feeder.steps)
        self.frozen = are_frozen(config.training, progress.epoch)
        prepared.trained.freeze(frozen=self.frozen)
        self.optimizer = prepared.trained.optimizer(config.training.optimizer, self._rate, config.runtime.precision)
        self.program = TrainProgram(built, feeder, self.optimizer, config, plan)
        self.state = State(built.network, self.program)
        self._probe = HealthProbe(built, self.program, feeder)
        self.monitor = HealthMonitor(config, self._probe, steps=feeder.steps, origins=built.origins)
        self._compiled: set[bool] = set()

    def compiles(self, *, full: bool) -> bool:
        """Whether the next chunk compiles the program: full batches have one, a short last batch another."""
        compiling = full not in self._compiled
        self._compiled.add(full)
        return compiling

    def last_rate(self) -> float:
        """The learning rate of the last update; the optimizer itself would give that of the next one."""
        rate = self.optimizer.learning_rate
        if callable(self._rate):
            rate = self._rate(self.optimizer.iterations.value - 1)
        return float(keras.ops.convert_to_numpy(rate))

    @contextlib.contextmanager
    def judging(self, epoch: int) -> Iterator[None]:
        """Within the block, the weights are those that the epoch of that number, from 0, is judged by."""
        swa = self._config.training.swa
        if swa is not None and epoch >= int(swa.start * self._config.training.epochs):
            self.state.add_to_mean()
        with self.state.averaged():
            yield

    def look(self, progress: Progress, clock: Clock) -> HealthSnapshot:
        """What the update that has just been made looked like, measured since `monitor.before`."""
        counted = self.program.metrics.counted()
        return self.monitor.after(progress.step - 1, progress.epoch + 1, self.last_rate(), clock, counted)

    def pieces(self) -> Pieces:
        """What it takes to make updates once more."""
        return Pieces(self.program, self._probe, self.state, self._feeder, self._config.seed)

    def run_plan(self, folder: RunFolder, progress: Progress, best: BestTracker) -> RunPlan:
        """What a run is about to train with it.

        Args:
            folder: of the run.
            progress: of the run.
            best: what decides which epoch is best.
        """
        return RunPlan(
            name=self._config.name,
            folder=str(folder.path),
            epochs=self._config.training.epochs,
            first_epoch=progress.epoch + 1,
            steps=self._feeder.steps,
            examples=dict(self._built.spec.sizes),
            parameters=sum(math.prod(v.shape) for v in self._built.network.trainable_variables),
            monitor=best.monitor,
            mode=best.mode,
            compiled=self._plan.compile,
            micro_batches=self._plan.micro_batches,
            first_step=progress.step_in_epoch,
            devices=tuple(devices()),
        )
