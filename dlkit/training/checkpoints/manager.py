"""Keeps the checkpoints of a run: when one is due, writing it, and finding the one to go back to.

They are written while training goes on: the state is copied between two updates, and a thread brings it to the disk.
"""

from __future__ import annotations

import copy
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dlkit.config.problems import Problem, RunError
from dlkit.files import wait_for_disk
from dlkit.runs import RunFolder
from dlkit.schema.training import Checkpoints
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.checkpoints.files import Checkpoint, Progress
from dlkit.training.program.state import Arrays, State


class CheckpointManager:
    """The checkpoints of one run."""

    def __init__(self, folder: RunFolder, settings: Checkpoints, about: dict[str, Any]) -> None:
        """Write nothing yet.

        Args:
            folder: of the run.
            settings: `training.checkpoints`.
            about: what a checkpoint must have in common with a run that goes on from it.
        """
        self._folder, self._settings, self._about = folder, settings, about
        self._saved_at = time.monotonic()
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        # Weights of an epoch that is among the best, to be written before the state that speaks of them.
        self._best: list[tuple[int, Checkpoint]] = []

    def due(self, progress: Progress) -> bool:
        """Whether the settings ask for a checkpoint in mid-epoch now.

        Raises:
            RunError: if the last one could not be written.
        """
        if self._writing and self._writing.done():
            self.wait()
        settings = self._settings
        if settings.every_steps and progress.step % settings.every_steps == 0:
            return True
        # The monotonic clock: the one on the wall may be set back.
        minutes = (time.monotonic() - self._saved_at) / 60
        return settings.every_minutes is not None and minutes >= settings.every_minutes

    def to_border(self, progress: Progress) -> int | None:
        """Updates until the next checkpoint in mid-epoch, where they come at fixed steps; else None."""
        every = self._settings.every_steps
        return every - progress.step % every if every else None

    def save(self, state: State, progress: Progress, seconds: float) -> None:
        """Copy the whole state, and begin to write it; `wait` returns when it is written.

        Args:
            state: of the run.
            progress: of the run.
            seconds: that training has taken so far.

        Raises:
            RunError: if the one before could not be written.
        """
        self.wait()
        events = self._folder.events
        length = events.stat().st_size if events.exists() else 0
        about = {**self._about, "events": length, "seconds": seconds}
        best, self._best = self._best, []
        kept = Checkpoint(state.arrays(), copy.deepcopy(progress), about)
        self._writing = self._thread.submit(self._write, best, kept)
        self._saved_at = time.monotonic()

    def save_best(self, state: State, progress: Progress) -> None:
        """Copy the weights of the epoch that has just ended, which is among the best; they are written with the state
        that is saved next."""
        self._best.append((progress.epoch, Checkpoint(state.weights(), copy.deepcopy(progress), self._about)))

    def wait(self) -> None:
        """Wait until everything that was saved is on the disk.

        Raises:
            RunError: if it could not be written.
        """
        writing, self._writing = self._writing, None
        if writing:
            writing.result()

    def close(self) -> None:
        """Let what is being written come to its end, well or not, and write nothing more."""
        self._thread.shutdown()

    def _write(self, best: list[tuple[int, Checkpoint]], kept: Checkpoint) -> None:
        """Write weights that are among the best, then a state; delete what is no longer kept."""
        folder, progress = self._folder.checkpoints, kept.progress
        # A checkpoint counts on the records up to its moment.
        wait_for_disk(self._folder.history, self._folder.events)
        for epoch, weights in best:
            checkpoints.save(checkpoints.of_epoch(folder, epoch), weights)
        checkpoints.save(checkpoints.of_step(folder, progress.step), kept)
        checkpoints.tidy(folder, self._settings.keep, progress)

    def best(self, progress: Progress) -> Arrays:
        """The weights of the best epoch."""
        self.wait()
        return checkpoints.load(checkpoints.of_epoch(self._folder.checkpoints, progress.best_epoch)).arrays

    def is_empty(self) -> bool:
        """Whether there is no checkpoint yet."""
        return not checkpoints.newest(self._folder.checkpoints)

    def newest(self) -> tuple[Checkpoint | None, list[RunError]]:
        """The newest whole checkpoint, or None where there never was one; and what is wrong with newer ones.

        Raises:
            RunError: if none is whole, or it belongs to another model or other data.
        """
        self.wait()
        damaged: list[RunError] = []
        for path in checkpoints.newest(self._folder.checkpoints):
            try:
                checkpoint = checkpoints.load(path)
            except RunError as error:
                damaged.append(error)
                continue
            self._must_fit(checkpoint)
            return checkpoint, damaged
        if damaged:
            raise damaged[0]
        return None, []

    def tidy(self, progress: Progress, damaged: int) -> None:
        """Delete what is no longer kept, but none of the damaged ones, which may be looked at."""
        checkpoints.tidy(self._folder.checkpoints, self._settings.keep + damaged, progress)

    def rate_is_another(self, checkpoint: Checkpoint) -> bool:
        """Whether the learning rate of the settings was changed on purpose since a checkpoint."""
        return bool(checkpoint.about.get("learning_rate") != self._about["learning_rate"])

    def _must_fit(self, checkpoint: Checkpoint) -> None:
        for key, value in self._about.items():
            if key != "learning_rate" and checkpoint.about.get(key) != value:
                raise RunError(
                    Problem(
                        "checkpoint-of-another-run",
                        f"the checkpoint's {key.replace('_', ' ')} is {checkpoint.about.get(key)}, "
                        f"this run's is {value}",
                        help="resume with the configuration and the data of the run, or start a new one",
                    )
                )
