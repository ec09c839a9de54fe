"""The loop: epochs made of stretches, validation, the best weights, early stopping, checkpoints."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import keras
import numpy as np

from dlkit.config.problems import Problem, RunError
from dlkit.config.schema import Config
from dlkit.config.schema.training import Training
from dlkit.data.feeding import Block, Feeder
from dlkit.models.build import Assembly
from dlkit.runs import RunFolder
from dlkit.training import checkpoints
from dlkit.training.checkpoints import Checkpoint, Progress
from dlkit.training.choices import Choices
from dlkit.training.evaluation import EvalProgram
from dlkit.training.interrupts import Interrupted, Interrupts
from dlkit.training.listeners import Listener, Plan
from dlkit.training.optimizers import make_optimizer
from dlkit.training.program import TrainProgram
from dlkit.training.schedules import make_schedule
from dlkit.training.strategy import devices

STRETCH_SECONDS = 0.5
FIRST_STRETCH = 16


class Loop:
    """Training of one model, from its first step or from a checkpoint.

    Attributes:
        progress: how far it has come.
        history: a row per epoch.
    """

    def __init__(
        self,
        config: Config,
        assembly: Assembly,
        train: Feeder,
        validation: Feeder | None,
        folder: RunFolder,
        listener: Listener,
        *,
        choices: Choices,
        about: dict[str, Any],
    ) -> None:
        """Compile nothing yet.

        Args:
            config: of the run.
            assembly: the model, its preprocessing fitted.
            train: training batches.
            validation: validation batches, or None.
            folder: where checkpoints and history go.
            listener: told of what happens.
            choices: how the step is compiled.
            about: what a checkpoint must have in common with a run that goes on from it.
        """
        self._config, self._assembly, self._folder, self._listener = config, assembly, folder, listener
        self._train = train
        settings = config.training
        epochs = choices.schedule_epochs
        rate = make_schedule(settings.schedule, settings.optimizer.learning_rate, train.steps, epochs)
        self._rate = rate
        self._program = TrainProgram(assembly, train, make_optimizer(settings.optimizer, rate), config, choices)
        self._validation = EvalProgram(assembly, validation, parts=choices.parts) if validation else None
        self._choices, self._about = choices, about
        self._monitor, self._mode = chosen_monitor(settings, validation=validation is not None)
        self._stretch = FIRST_STRETCH
        self._saved_at = time.monotonic()
        self.progress = Progress()
        self.history: list[dict[str, Any]] = []

    # The story of a run.

    def run(self) -> None:
        """Train to the last epoch, or until early stopping; the network then holds its best weights.

        Raises:
            RunError: if the loss is no longer a finite number, or a checkpoint cannot be written.
            Interrupted: if a signal asked the run to stop; a checkpoint was saved first.
        """
        self._listener.started(self._plan())
        with Interrupts() as interrupts:
            while self.progress.epoch < self._config.training.epochs and not self.progress.stopped:
                began = time.perf_counter()
                self._train_epoch(interrupts)
                row = self._end_epoch()
                best = self._judge(row)
                # Told before it is saved: what is recorded after a checkpoint is dropped by a run that goes on from it.
                self._listener.epoch_ended(row, best, time.perf_counter() - began)
                self._save()
                if interrupts.asked and self.progress.epoch < self._config.training.epochs:
                    self._leave(interrupts.asked)
        self._take_best()

    def restore(self) -> None:
        """Go back to the newest checkpoint that is whole.

        Raises:
            RunError: if there is none, or it belongs to another model or other data.
        """
        damaged: list[RunError] = []
        for path in checkpoints.newest(self._folder.checkpoints):
            try:
                checkpoint = checkpoints.load(path)
            except RunError as error:
                damaged.append(error)
                continue
            self._set_state(checkpoint)
            self._folder.cut_records(self.progress.epoch, checkpoint.about["events"])
            self.history = self._folder.read_history()
            for skipped in damaged:
                self._listener.noted("checkpoint-skipped", skipped.problems[0].message)
            checkpoints.tidy(
                self._folder.checkpoints, self._config.training.checkpoints.keep + len(damaged), self.progress
            )
            return
        if damaged:
            raise damaged[0]
        self._folder.cut_records(0, 0)

    # Its parts.

    def _train_epoch(self, interrupts: Interrupts) -> None:
        epoch = self.progress.epoch
        if self.progress.step_in_epoch == 0:
            self._program.meters.reset()
        for block in self._train.blocks(self._config.seed, epoch, self.progress.step_in_epoch):
            self._run_block(block, interrupts)

    def _run_block(self, block: Block, interrupts: Interrupts) -> None:
        position = self.progress.step_in_epoch - block.first
        while position < block.steps:
            end = min(block.steps, position + self._stretch, position + self._steps_to_checkpoint())
            began = time.perf_counter()
            self._program.run(block, position, end)
            logs = self._program.meters.results()
            seconds = time.perf_counter() - began
            steps, position = end - position, end
            self.progress.step_in_epoch += steps
            self.progress.step += steps
            if not math.isfinite(logs["loss"]):
                raise self._not_finite(logs["loss"])
            rate = steps * block.examples / block.steps / seconds
            self._listener.progressed(self.progress.epoch + 1, self.progress.step_in_epoch, rate, logs)
            # The first stretch compiled the program and says nothing about its speed.
            if self.progress.step > FIRST_STRETCH:
                self._stretch = max(1, min(4 * self._stretch, round(STRETCH_SECONDS * steps / seconds)))
            if self.progress.step_in_epoch == self._train.steps:
                continue  # the end of the epoch sees to it
            if interrupts.asked:
                self._leave(interrupts.asked)
            if self._checkpoint_is_due():
                self._save()

    def _steps_to_checkpoint(self) -> int:
        """Updates until the next checkpoint in mid-epoch; as good as infinitely many where none is asked for."""
        every = self._config.training.checkpoints.every_steps
        return every - self.progress.step % every if every else sys.maxsize

    def _checkpoint_is_due(self) -> bool:
        settings = self._config.training.checkpoints
        if settings.every_steps and self.progress.step % settings.every_steps == 0:
            return True
        # The monotonic clock: the one on the wall may be set back.
        minutes = (time.monotonic() - self._saved_at) / 60
        return settings.every_minutes is not None and minutes >= settings.every_minutes

    def _end_epoch(self) -> dict[str, Any]:
        row: dict[str, Any] = {"epoch": self.progress.epoch + 1, **self._program.meters.results()}
        if self._validation:
            row |= {f"val_{name}": value for name, value in self._validation.run().items()}
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

    def _judge(self, row: dict[str, Any]) -> bool:
        """Whether the epoch is the best so far; decides on early stopping, and keeps the best weights."""
        if self._monitor is None:
            return False
        if self._monitor not in row:
            raise RunError(
                Problem(
                    "no-such-column",
                    f"there is no `{self._monitor}` in the history",
                    key=("training", "monitor"),
                    help=f"choose one of {', '.join(k for k in row if k not in ('epoch', 'learning_rate'))}",
                )
            )
        value = row[self._monitor]
        stopping = self._config.training.early_stopping
        best, sign = self.progress.best_value, 1 if self._mode == "min" else -1
        # What is no number is never the best.
        improved = not math.isnan(value) and (best is None or sign * (best - value) > 0)
        enough = improved and (best is None or sign * (best - value) > (stopping.min_delta if stopping else 0))
        self._keep_best(value, sign)
        self.progress.epochs_without_improvement = 0 if enough else self.progress.epochs_without_improvement + 1
        if stopping and self.progress.epochs_without_improvement >= stopping.patience:
            self.progress.stopped = f"{self._monitor} has not improved for {stopping.patience} epochs"
            self._listener.noted("early-stopping", f"stopped early: {self.progress.stopped}")
        return improved

    def _keep_best(self, value: float, sign: int) -> None:
        """Keep the weights of the epoch that has just ended, if it is among the best; of equals the earlier is."""
        if math.isnan(value):
            return
        epoch, keep = self.progress.epoch, self._config.training.checkpoints.keep_best
        ranked = [*zip(self.progress.best_values, self.progress.best_epochs, strict=True), (value, epoch)]
        ranked = sorted(ranked, key=lambda pair: (sign * pair[0], pair[1]))[:keep]
        if (value, epoch) in ranked:
            self.progress.best_values, self.progress.best_epochs = ([*part] for part in zip(*ranked, strict=True))
            weights = Checkpoint(self._weights(), self.progress, self._about)
            checkpoints.save(checkpoints.of_epoch(self._folder.checkpoints, epoch), weights)

    def _save(self) -> None:
        folder = self._folder.checkpoints
        checkpoints.save(checkpoints.of_step(folder, self.progress.step), self._state())
        checkpoints.tidy(folder, self._config.training.checkpoints.keep, self.progress)
        self._saved_at = time.monotonic()

    def _leave(self, number: int) -> None:
        """Save, and end the run as the signal asked."""
        if self.progress.step_in_epoch:
            self._save()
        where = f"epoch {self.progress.epoch + 1}, step {self.progress.step_in_epoch}"
        raise Interrupted(
            Problem(
                "interrupted",
                f"interrupted in {where}; a checkpoint is saved",
                help=f"go on with: dlkit train --resume {self._folder.path}",
            ),
            number,
        )

    def _not_finite(self, loss: float) -> RunError:
        return RunError(
            Problem(
                "loss-not-finite",
                f"the loss became {loss} in epoch {self.progress.epoch + 1}, "
                f"by step {self.progress.step_in_epoch} of {self._train.steps}",
                key=("training", "optimizer", "learning_rate"),
                help="lower the learning rate, set `training.optimizer.global_clipnorm: 1.0`, or check the data; "
                "the checkpoints before it are untouched",
            )
        )

    def _take_best(self) -> None:
        """Put the best weights into the network, where a figure was monitored; else the last ones stay."""
        if self.progress.best_epoch and self.progress.best_epoch != self.progress.epoch:
            best = checkpoints.load(checkpoints.of_epoch(self._folder.checkpoints, self.progress.best_epoch))
            self._assign(self._assembly.network.weights, "weights", best.arrays)

    # State.

    def _weights(self) -> dict[str, np.ndarray]:
        return {f"weights/{i}": v.numpy() for i, v in enumerate(self._assembly.network.weights)}

    def _state(self) -> Checkpoint:
        arrays = self._weights()
        arrays |= {f"optimizer/{i}": v.numpy() for i, v in enumerate(self._program.optimizer.variables)}
        arrays |= {f"meters/{i}": v.numpy() for i, v in enumerate(self._program.meters.variables())}
        events = self._folder.events
        about = {**self._about, "events": events.stat().st_size if events.exists() else 0}
        return Checkpoint(arrays, self.progress, about)

    def _set_state(self, checkpoint: Checkpoint) -> None:
        for key, value in self._about.items():
            if checkpoint.about.get(key) != value:
                raise RunError(
                    Problem(
                        "checkpoint-of-another-run",
                        f"the checkpoint's {key.replace('_', ' ')} is {checkpoint.about.get(key)}, "
                        f"this run's is {value}",
                        help="resume with the configuration and the data of the run, or start a new one",
                    )
                )
        self._assign(self._assembly.network.weights, "weights", checkpoint.arrays)
        optimizer = self._program.optimizer
        rate = getattr(optimizer.learning_rate, "path", None)
        # The rate is a setting; it may have been changed on purpose, and no update changes it.
        self._assign(optimizer.variables, "optimizer", checkpoint.arrays, leave=rate)
        self._assign(self._program.meters.variables(), "meters", checkpoint.arrays)
        self.progress = checkpoint.progress

    def _assign(
        self, variables: list[keras.Variable], group: str, arrays: dict[str, np.ndarray], leave: str | None = None
    ) -> None:
        for i, variable in enumerate(variables):
            array = arrays.get(f"{group}/{i}")
            if array is None or tuple(array.shape) != tuple(variable.shape):
                raise RunError(
                    Problem(
                        "checkpoint-of-another-run",
                        f"the checkpoint has no {group} of shape {tuple(variable.shape)} for `{variable.path}`",
                        help="it was made by another model",
                    )
                )
            if variable.path != leave:
                variable.assign(array)

    def _plan(self) -> Plan:
        spec = self._assembly.spec
        return Plan(
            name=self._config.name,
            folder=str(self._folder.path),
            epochs=self._config.training.epochs,
            first_epoch=self.progress.epoch + 1,
            steps=self._train.steps,
            examples=dict(spec.sizes),
            parameters=sum(int(np.prod(v.shape)) for v in self._assembly.network.trainable_variables),
            monitor=self._monitor,
            mode=self._mode,
            compiled=self._choices.compile,
            parts=self._choices.parts,
            first_step=self.progress.step_in_epoch,
            devices=tuple(devices()),
        )


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
