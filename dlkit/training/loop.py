"""The loop: epochs made of chunks, validation, the best weights, early stopping, checkpoints."""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any

from dlkit.config.problems import RunError
from dlkit.data.feeding import Block
from dlkit.runs import RunFolder
from dlkit.training import records
from dlkit.training.best import BestTracker
from dlkit.training.callbacks import Callbacks
from dlkit.training.checkpoints.files import Checkpoint, Progress
from dlkit.training.checkpoints.manager import CheckpointManager
from dlkit.training.chunk import ChunkLength
from dlkit.training.clock import Clock
from dlkit.training.coordinator import make_coordinator
from dlkit.training.engine import Engine
from dlkit.training.interrupts import Interrupts, interrupted
from dlkit.training.limits import Limits, still_stopped
from dlkit.training.listeners import Listener
from dlkit.training.nonfinite import incident as incidents
from dlkit.training.nonfinite.rollback import rollback_message
from dlkit.training.nonfinite.trace import NotFinite, trace
from dlkit.training.prepare import Prepared
from dlkit.training.profile import Profile
from dlkit.training.program.evaluate import EvalProgram
from dlkit.training.program.execution import ExecutionPlan
from dlkit.training.program.state import Arrays
from dlkit.training.trained import are_frozen


class Loop:
    """Training of one model, from its first step or from a checkpoint.

    Attributes:
        progress: how far it has come.
        history: a row per epoch.
        profile: traces a few chunks, where it was asked for; set before `run`.
    """

    def __init__(self, prepared: Prepared, plan: ExecutionPlan, folder: RunFolder, listener: Listener) -> None:
        """Compile nothing yet.

        Args:
            prepared: data and model of the run.
            plan: how the step is compiled.
            folder: where checkpoints and history go.
            listener: called with what happens.
        """
        self._prepared, self._config, self._built, self._plan = prepared, prepared.config, prepared.built, plan
        self._folder, self._listener = folder, listener
        training, number = self._config.training, plan.micro_batches
        self._train, validation = prepared.training_feeder(), prepared.evaluation_feeder("validation")
        self._validation = EvalProgram(self._built, validation, micro_batches=number) if validation else None
        self._coordinator = make_coordinator()
        self._callbacks = Callbacks(training.callbacks, prepared.loaded.plugins.functions["callbacks"])
        self._checkpoints = CheckpointManager(folder, training.checkpoints, prepared.identity(), self._coordinator)
        self._best = BestTracker(training, validation=validation is not None)
        self._limits = Limits(training, self._coordinator)
        self._length = ChunkLength(self._coordinator)
        self.profile = Profile(None)
        self.clock = Clock()
        self.progress = Progress()
        self.history: list[dict[str, Any]] = []
        self._make_engine()

    def _make_engine(self) -> None:
        """The program, with the remedies of the rollbacks so far, for the layers that are trained in this epoch."""
        self._engine = Engine(self._prepared, self._plan, self._train, self.progress)
        self._callbacks.attach(self._built.model, self._engine.optimizer, self._engine.program.metrics.directions())

    # The story of a run.

    def run(self) -> None:
        """Train to the last epoch, or until something ends it before; the network then holds its best weights.

        Raises:
            RunError: if a loss or weight is no longer a finite number, or a checkpoint cannot be written.
            Interrupted: if a signal asked the run to stop; a checkpoint was saved first.
        """
        plan = self._engine.run_plan(self._folder, self.progress, self._best)
        self._listener.started(plan)
        self._callbacks.train_begin(plan)
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
        self.profile.close()
        self._best.must_have_been_finite(self.progress)
        self._take_best()

    def _epoch(self, interrupts: Interrupts) -> None:
        began, epoch = time.perf_counter(), self.progress.epoch
        if self._engine.frozen and not are_frozen(self._config.training, epoch):
            self._make_engine_again(self._engine.state.arrays(), keep_rate=False)
            self._listener.noted("unfrozen", f"from epoch {epoch + 1} on every layer is trained")
        self._callbacks.epoch_begin(epoch)
        if self.progress.step_in_epoch == 0:
            self._engine.program.metrics.reset()
        for block in self.clock.fetching(self._train.blocks(self._config.seed, epoch, self.progress.step_in_epoch)):
            self._run_block(block, interrupts)
            if self.progress.stopped:
                break
        # The averages of the weights are what is judged, where such are kept.
        with self._engine.judging(epoch):
            row = self._end_epoch()
            best = self._best.judge(row, self.progress)
            if self.progress.epoch in self.progress.best_epochs:
                self._checkpoints.save_best(self._engine.state, self.progress)
        self._callbacks.epoch_end(row, self.progress)
        # Reported before it is saved: what is recorded after a checkpoint is dropped by a run that goes on from it.
        self._listener.epoch_ended(row, best, time.perf_counter() - began)
        self._report_findings()
        if warning := self._best.warning(row, self.progress):
            self._listener.noted("monitor-not-finite", warning)
        if self.progress.stopped:
            self._listener.noted("early-stopping", f"stopped early: {self.progress.stopped}")
        self._save()
        if self.progress.epoch < self._config.training.epochs:
            self._leave_if_asked(interrupts)

    def callbacks_without_state(self) -> list[str]:
        """Names of the callbacks whose state no checkpoint keeps."""
        return self._callbacks.without_state()

    def restore(self) -> None:
        """Go back to the newest checkpoint that is whole.

        Raises:
            RunError: if there is none, or it belongs to another model or other data.
        """
        checkpoint, damaged = self._checkpoints.newest()
        if checkpoint is None:
            self._folder.cut_records(0, 0)
            records.cut(self._folder, {})
            return
        # The rate is a setting, which may have been changed on purpose; else a callback may have changed it.
        self._go_back_to(checkpoint, keep_rate=self._checkpoints.rate_is_another(checkpoint))
        for skipped in damaged:
            self._listener.noted("checkpoint-skipped", skipped.problems[0].message)
        self._checkpoints.tidy(self.progress, len(damaged))
        if self.progress.stopped and not still_stopped(self.progress, self._limits.seconds, self._config.training):
            # A limit has been raised. It may have ended the last epoch before all of its batches.
            self.progress.stopped = self.progress.stopped_by = None
            if self.progress.step % self._train.steps:
                left_out = f"what was left of epoch {self.progress.epoch} when the run ended is left out"
                self._listener.noted("trains-on", f"training goes on with epoch {self.progress.epoch + 1}; {left_out}")

    # A chunk.

    def _run_block(self, block: Block, interrupts: Interrupts) -> None:
        position = self.progress.step_in_epoch - block.first
        while position < block.steps and not self.progress.stopped:
            position = self._run_chunk(block, position)
            if self.progress.step_in_epoch == self._train.steps:
                continue  # the end of the epoch sees to it
            self._leave_if_asked(interrupts)
            if self._checkpoints.due(self.progress):
                self._save()

    def _run_chunk(self, block: Block, position: int) -> int:
        """Run the next updates of a block; its position after them."""
        full = block.examples >= block.steps * self._train.batch_size
        looking = self._coordinator.any(self._engine.monitor.due(self.progress.step, full=full))
        most = min(block.steps - position, self._to_border())
        end = position + (1 if looking else self._length.next(most))
        self._callbacks.batch_begin(self.progress.step_in_epoch)
        if looking:
            with self.clock.counting("health" if self._engine.monitor.looks else "compiling"):
                self._engine.monitor.before(block, position)
        compiling = self._engine.compiles(full=full)
        self.profile.begin(compiling=compiling)
        with self.clock.counting("compiling" if compiling else "compute"):
            self._engine.program.run(block, position, end)
            logs = self._engine.program.metrics.results()
        steps, seconds = end - position, self.clock.last
        self.profile.end(steps, compiling=compiling)
        self._count(steps, logs["loss"])
        if looking:
            with self.clock.counting("health"):
                self._look()
        rate = steps * block.examples / block.steps / seconds
        self._listener.progressed(self.progress.epoch + 1, self.progress.step_in_epoch, rate, logs)
        self._callbacks.batch_end(self.progress.step_in_epoch - 1, logs, self.progress)
        # What compiled the program, or was looked at, says nothing about its speed.
        if not compiling and not looking:
            self._length.took(steps, seconds)
        return end

    def _count(self, steps: int, loss: float) -> None:
        """Count updates that were made, and see whether they are the last ones, or have gone wrong."""
        begin = self.progress.step_in_epoch
        self.progress.step_in_epoch += steps
        self.progress.step += steps
        if not math.isfinite(loss) or not self._engine.state.finite():
            raise NotFinite(self.progress.epoch, begin, self.progress.step_in_epoch, loss)
        self._limits.count(self.progress)

    def _to_border(self) -> int:
        """Updates until something has to happen between two of them; as good as infinitely many where nothing does."""
        borders = [self._checkpoints.to_border(self.progress), self._engine.monitor.to_border(self.progress.step)]
        borders += [self._limits.to_border(self.progress), 1 if self._callbacks.every_step else None]
        return min(border for border in borders if border is not None)

    def _look(self) -> None:
        """Report what the update that has just been made looked like."""
        self._listener.health_measured(self._engine.look(self.progress, self.clock))
        self._report_findings()

    def _report_findings(self) -> None:
        for finding in self._engine.monitor.new_findings(self.history):
            self._listener.found(finding)

    # The end of an epoch, and of a run.

    def _end_epoch(self) -> dict[str, Any]:
        row: dict[str, Any] = {"epoch": self.progress.epoch + 1, **self._engine.program.metrics.results()}
        if self._validation:
            epoch, every = self.progress.epoch + 1, self._config.training.validate_every
            due = epoch % every == 0 or epoch == self._config.training.epochs or self.progress.stopped
            with self.clock.counting("validation"):
                found = self._validation.run() if due else dict.fromkeys(self._validation.metrics.names())
            row |= {f"val_{name}": value for name, value in found.items()}
        row["learning_rate"] = self._engine.last_rate()
        self.progress.epoch += 1
        self.progress.step_in_epoch = 0
        self.history.append(row)
        self._folder.append_history(row)
        return row

    def _take_best(self) -> None:
        """Put the best weights into the network, where a figure was monitored; else the last ones stay."""
        if self.progress.best_epoch:
            self._engine.state.restore_weights(self._checkpoints.best(self.progress))
        else:
            self._engine.state.take_averages()

    def _leave_if_asked(self, interrupts: Interrupts) -> None:
        """Save, and end the run, where a signal asked this process or another of the run's to stop."""
        if not self._coordinator.any(interrupts.asked is not None):
            return
        if self.progress.step_in_epoch:
            self._save()
        self._checkpoints.wait()
        where = f"epoch {self.progress.epoch + 1}, step {self.progress.step_in_epoch}"
        raise interrupted(f"interrupted in {where}; a checkpoint is saved", interrupts, self._folder.path, self._config)

    # Checkpoints.

    def _save(self) -> None:
        self.progress.callbacks = self._callbacks.get_state()
        with self.clock.counting("saving"):
            self._checkpoints.save(self._engine.state, self.progress, self._limits.seconds)

    def _go_back_to(self, checkpoint: Checkpoint, *, keep_rate: bool) -> None:
        """Take the state of a checkpoint of this run, and drop what was recorded after it; args as below."""
        self._listener.goes_back()
        self._folder.cut_records(checkpoint.progress.epoch, checkpoint.about["events"])
        records.cut(self._folder, checkpoint.about["records"])
        self._callbacks.cut_back(checkpoint.progress.epoch)
        self.history = self._folder.read_history()
        self.progress, self._limits.seconds = checkpoint.progress, checkpoint.about["seconds"]
        self._make_engine_again(checkpoint.arrays, keep_rate=keep_rate)
        self._callbacks.set_state(self.progress.callbacks)

    def _make_engine_again(self, arrays: Arrays, *, keep_rate: bool) -> None:
        """Make the program again and put it into a state; `keep_rate` takes the learning rate from the settings."""
        self._make_engine()
        self._engine.monitor.remember(self._folder.read_events())
        self._engine.state.restore(arrays, keep_rate=keep_rate)

    def _roll_back(self, found: NotFinite) -> None:
        """See where a number that is not finite came from; then go back to a checkpoint with a remedy, or fail.

        Raises:
            RunError: naming the batch and the tensor.
        """
        checkpoint, _ = self._checkpoints.newest()
        assert checkpoint is not None, "there is one before the first update"
        incident = trace(self._engine.pieces(), checkpoint, found)
        problem = incidents.to_problem(incident, found, self._train.steps, self._folder.nonfinite)
        if incident is not None:
            incidents.keep(self._folder.nonfinite, incident)
        settings, rollbacks = self._config.training.on_nonfinite, self.progress.rollbacks
        if settings.action == "stop" or rollbacks >= settings.attempts or (incident is not None and incident.in_data):
            raise RunError(problem)
        checkpoint.progress.rollbacks = rollbacks + 1
        self._go_back_to(checkpoint, keep_rate=True)
        self._listener.noted("not-finite", problem.message)
        self._listener.noted("rollback", rollback_message(self._config, self.progress))
