"""The loop: epochs made of chunks, validation, the best weights, early stopping, checkpoints."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from typing import Any

import keras
import numpy as np

from dlkit.config.problems import Problem, RunError
from dlkit.config.schema import Config
from dlkit.data.feeding import Block, Feeder
from dlkit.models.build import BuiltModel
from dlkit.runs import RunFolder
from dlkit.training.best import BestTracker
from dlkit.training.callbacks import Callbacks
from dlkit.training.checkpoints.files import Checkpoint, Progress
from dlkit.training.checkpoints.manager import CheckpointManager
from dlkit.training.clock import Clock
from dlkit.training.health.monitor import HealthMonitor
from dlkit.training.health.probe import HealthProbe
from dlkit.training.interrupts import Interrupted, Interrupts, how_to_go_on
from dlkit.training.limits import learning_rate, time_limit
from dlkit.training.listeners import Listener, Plan
from dlkit.training.nonfinite import trace as nonfinite
from dlkit.training.nonfinite.trace import NotFinite
from dlkit.training.profile import Profile
from dlkit.training.program.evaluate import EvalProgram
from dlkit.training.program.execution import ExecutionPlan
from dlkit.training.program.optimizers import make_optimizer
from dlkit.training.program.state import State
from dlkit.training.program.strategy import devices
from dlkit.training.program.train import TrainProgram

CHUNK_SECONDS = 0.5
FIRST_CHUNK = 16


class Loop:
    """Training of one model, from its first step or from a checkpoint.

    Attributes:
        progress: how far it has come.
        history: a row per epoch.
    """

    def __init__(
        self,
        config: Config,
        built: BuiltModel,
        train: Feeder,
        validation: Feeder | None,
        folder: RunFolder,
        listener: Listener,
        *,
        choices: ExecutionPlan,
        callbacks: Callbacks,
        profile: Profile,
        about: dict[str, Any],
    ) -> None:
        """Compile nothing yet.

        Args:
            config: of the run.
            built: the model, its preprocessing fitted.
            train: training batches.
            validation: validation batches, or None.
            folder: where checkpoints and history go.
            listener: told of what happens.
            choices: how the step is compiled.
            callbacks: Keras callbacks.
            profile: traces a few chunks, where it was asked for.
            about: what a checkpoint must have in common with a run that goes on from it.
        """
        self._config, self._built, self._folder, self._listener = config, built, folder, listener
        self._train, self._choices, self._callbacks = train, choices, callbacks
        self._profile = profile
        self._validation = EvalProgram(built, validation, parts=choices.parts) if validation else None
        self._checkpoints = CheckpointManager(folder, config.training.checkpoints, about)
        self._best = BestTracker(config.training, validation=validation is not None)
        self._max_steps = config.training.max_steps or sys.maxsize
        self._max_seconds = time_limit(config.training)
        self._chunk = FIRST_CHUNK
        self._counted_at = time.monotonic()
        # All parts of the run together.
        self._seconds = 0.0
        self.clock = Clock()
        self.progress = Progress()
        self.history: list[dict[str, Any]] = []
        self._make_program()

    def _make_program(self) -> None:
        """The program, with the remedies of the rollbacks so far."""
        config = nonfinite.remedied(self._config, self.progress)
        self._rate = learning_rate(config.training, self._choices.schedule_epochs, self._train.steps)
        made = make_optimizer(config.training.optimizer, self._rate, config.runtime.precision)
        self._program = TrainProgram(self._built, self._train, made, config, self._choices)
        self._state = State(self._built.network, self._program)
        self._probe = HealthProbe(self._built, self._program, self._train)
        self._monitor = HealthMonitor(config, self._probe, steps=self._train.steps)
        self._callbacks.attach(self._built.model, made)
        self._compiled: set[bool] = set()

    # The story of a run.

    def run(self) -> None:
        """Train to the last epoch, or until something ends it before; the network then holds its best weights.

        Raises:
            RunError: if a loss or weight is no longer a finite number, or a checkpoint cannot be written.
            Interrupted: if a signal asked the run to stop; a checkpoint was saved first.
        """
        self._listener.started(self._plan())
        self._callbacks.train_begin(self._plan())
        with contextlib.closing(self._checkpoints), Interrupts() as interrupts:
            if self._checkpoints.is_empty():
                self._save()
            while self.progress.epoch < self._config.training.epochs and not self.progress.stopped:
                try:
                    self._epoch(interrupts)
                except NotFinite as found:
                    self._roll_back(found)
            self._checkpoints.wait()
        self._callbacks.train_end()
        self._profile.close()
        self._take_best()

    def _epoch(self, interrupts: Interrupts) -> None:
        began = time.perf_counter()
        epoch = self.progress.epoch
        self._callbacks.epoch_begin(epoch)
        if self.progress.step_in_epoch == 0:
            self._program.metrics.reset()
        for block in self.clock.fetching(self._train.blocks(self._config.seed, epoch, self.progress.step_in_epoch)):
            self._run_block(block, interrupts)
            if self.progress.stopped:
                break
        # The averages of the weights are what is judged, where the optimizer keeps them.
        with self._state.averaged():
            row = self._end_epoch()
            best = self._best.judge(row, self.progress)
            if self.progress.epoch in self.progress.best_epochs:
                self._checkpoints.save_best(self._state, self.progress)
        self._callbacks.epoch_end(row, self.progress)
        # Told before it is saved: what is recorded after a checkpoint is dropped by a run that goes on from it.
        self._listener.epoch_ended(row, best, time.perf_counter() - began)
        self._tell_findings()
        if self.progress.stopped:
            self._listener.noted("early-stopping", f"stopped early: {self.progress.stopped}")
        self._save()
        if interrupts.asked and self.progress.epoch < self._config.training.epochs:
            self._leave(interrupts.asked)

    def restore(self) -> None:
        """Go back to the newest checkpoint that is whole.

        Raises:
            RunError: if there is none, or it belongs to another model or other data.
        """
        checkpoint, damaged = self._checkpoints.newest()
        if checkpoint is None:
            self._folder.cut_records(0, 0)
            return
        # The rate is a setting, which may have been changed on purpose; else a callback may have changed it.
        self._go_back_to(checkpoint, keep_rate=self._checkpoints.rate_is_another(checkpoint))
        for skipped in damaged:
            self._listener.noted("checkpoint-skipped", skipped.problems[0].message)
        self._checkpoints.tidy(self.progress, len(damaged))

    # A chunk.

    def _run_block(self, block: Block, interrupts: Interrupts) -> None:
        position = self.progress.step_in_epoch - block.first
        while position < block.steps and not self.progress.stopped:
            full = block.examples >= block.steps * self._train.batch_size
            looking = self._monitor.due(self.progress.step, full=full)
            end = position + (1 if looking else min(block.steps - position, self._chunk, self._to_border()))
            self._callbacks.batch_begin(self.progress.step_in_epoch)
            if looking:
                with self.clock.counting("health" if self._monitor.looks else "compiling"):
                    self._monitor.before(block, position)
            # Full batches have one program, a short last batch another; the first chunk of each compiles it.
            compiling = full not in self._compiled
            self._compiled.add(full)
            self._profile.begin(compiling=compiling)
            with self.clock.counting("compiling" if compiling else "compute"):
                self._program.run(block, position, end)
                logs = self._program.metrics.results()
            seconds = self.clock.last
            self._profile.end(end - position, compiling=compiling)
            steps, position = end - position, end
            self._count(steps, logs["loss"])
            if looking:
                with self.clock.counting("health"):
                    self._look()
            rate = steps * block.examples / block.steps / seconds
            self._listener.progressed(self.progress.epoch + 1, self.progress.step_in_epoch, rate, logs)
            self._callbacks.batch_end(self.progress.step_in_epoch - 1, logs, self.progress)
            # What compiled the program, or was looked at, says nothing about its speed.
            if not compiling and not looking:
                longest = round(CHUNK_SECONDS * steps / seconds)
                self._chunk = max(1, min(4 * self._chunk, longest))
            if self.progress.step_in_epoch == self._train.steps:
                continue  # the end of the epoch sees to it
            if interrupts.asked:
                self._leave(interrupts.asked)
            if self._checkpoints.due(self.progress):
                self._save()

    def _count(self, steps: int, loss: float) -> None:
        """Count updates that were made, and see whether they are the last ones, or have gone wrong."""
        begin, now = self.progress.step_in_epoch, time.monotonic()
        self.progress.step_in_epoch += steps
        self.progress.step += steps
        self._seconds += now - self._counted_at
        self._counted_at = now
        if not math.isfinite(loss) or not self._state.finite():
            raise NotFinite(self.progress.epoch, begin, self.progress.step_in_epoch, loss)
        if self.progress.step >= self._max_steps:
            self.progress.stopped = f"`training.max_steps` of {self._max_steps:,} updates is reached"
        elif self._seconds >= self._max_seconds:
            self.progress.stopped = f"`training.max_time` of {self._config.training.max_time} is over"

    def _to_border(self) -> int:
        """Updates until something has to happen between two of them; as good as infinitely many where nothing does."""
        borders = [self._checkpoints.to_border(self.progress), self._monitor.to_border(self.progress.step)]
        borders += [self._max_steps - self.progress.step, 1 if self._callbacks.every_step else None]
        return min(border for border in borders if border is not None)

    def _look(self) -> None:
        """Tell what the update that has just been made looked like."""
        look = self._monitor.after(
            self.progress.step - 1,
            self.progress.epoch + 1,
            self._last_rate(),
            self.clock,
            self._program.metrics.counted(),
        )
        self._listener.health_measured(look)
        self._tell_findings()

    def _tell_findings(self) -> None:
        for finding in self._monitor.new_findings(self.history):
            self._listener.found(finding)

    # The end of an epoch, and of a run.

    def _end_epoch(self) -> dict[str, Any]:
        row: dict[str, Any] = {"epoch": self.progress.epoch + 1, **self._program.metrics.results()}
        if self._validation:
            epoch, every = self.progress.epoch + 1, self._config.training.validate_every
            due = epoch % every == 0 or epoch == self._config.training.epochs or self.progress.stopped
            with self.clock.counting("validation"):
                found = self._validation.run() if due else dict.fromkeys(self._validation.metrics.names())
            row |= {f"val_{name}": value for name, value in found.items()}
        row["learning_rate"] = self._last_rate()
        self.progress.epoch += 1
        self.progress.step_in_epoch = 0
        self.history.append(row)
        self._folder.append_history(row)
        return row

    def _last_rate(self) -> float:
        """The learning rate of the last update; the optimizer itself would tell that of the next one."""
        rate = self._program.optimizer.learning_rate
        if callable(self._rate):
            rate = self._rate(self._program.optimizer.iterations.value - 1)
        return float(keras.ops.convert_to_numpy(rate))

    def _take_best(self) -> None:
        """Put the best weights into the network, where a figure was monitored; else the last ones stay."""
        if self.progress.best_epoch:
            self._state.restore_weights(self._checkpoints.best(self.progress))
        else:
            self._state.take_averages()

    def _leave(self, number: int) -> None:
        """Save, and end the run as the signal asked."""
        if self.progress.step_in_epoch:
            self._save()
        self._checkpoints.wait()
        where = f"epoch {self.progress.epoch + 1}, step {self.progress.step_in_epoch}"
        told = f"interrupted in {where}; a checkpoint is saved"
        raise Interrupted(Problem("interrupted", told, help=how_to_go_on(self._folder.path, self._config)), number)

    # Checkpoints.

    def _save(self) -> None:
        self.progress.callbacks = self._callbacks.get_state()
        with self.clock.counting("saving"):
            self._checkpoints.save(self._state, self.progress, self._seconds)

    def _go_back_to(self, checkpoint: Checkpoint, *, keep_rate: bool) -> None:
        """Take the state of a checkpoint of this run, and drop what was recorded after it.

        Args:
            checkpoint: of this run.
            keep_rate: take the learning rate from the settings, not from the checkpoint.
        """
        self._folder.cut_records(checkpoint.progress.epoch, checkpoint.about["events"])
        self.history = self._folder.read_history()
        self.progress, self._seconds = checkpoint.progress, checkpoint.about["seconds"]
        self._make_program()
        self._monitor.remember(self._folder.read_events())
        self._state.restore(checkpoint.arrays, keep_rate=keep_rate)
        self._callbacks.set_state(self.progress.callbacks)

    def _roll_back(self, found: NotFinite) -> None:
        """See where a number that is not finite came from; then go back to a checkpoint with a remedy, or fail.

        Raises:
            RunError: naming the batch and the tensor.
        """
        checkpoint, _ = self._checkpoints.newest()
        assert checkpoint is not None, "there is one before the first update"
        pieces = nonfinite.Pieces(self._program, self._probe, self._state, self._train, self._config.seed)
        incident = nonfinite.trace(pieces, checkpoint, found)
        problem = nonfinite.told(incident, found, self._train.steps, self._folder.nonfinite)
        if incident is not None:
            nonfinite.keep(self._folder.nonfinite, incident)
        settings, rollbacks = self._config.training.on_nonfinite, self.progress.rollbacks
        if settings.action == "stop" or rollbacks >= settings.attempts or (incident is not None and incident.in_data):
            raise RunError(problem)
        checkpoint.progress.rollbacks = rollbacks + 1
        self._go_back_to(checkpoint, keep_rate=True)
        self._listener.noted("not-finite", problem.message)
        self._listener.noted("rollback", nonfinite.rollback_message(self._config, self.progress))

    def _plan(self) -> Plan:
        spec = self._built.spec
        return Plan(
            name=self._config.name,
            folder=str(self._folder.path),
            epochs=self._config.training.epochs,
            first_epoch=self.progress.epoch + 1,
            steps=self._train.steps,
            examples=dict(spec.sizes),
            parameters=sum(int(np.prod(v.shape)) for v in self._built.network.trainable_variables),
            monitor=self._best.monitor,
            mode=self._best.mode,
            compiled=self._choices.compile,
            parts=self._choices.parts,
            first_step=self.progress.step_in_epoch,
            devices=tuple(devices()),
        )
