"""Keeps the checkpoints of a run: when one is due, writing it, and finding the one to go back to."""

from __future__ import annotations

import time
from typing import Any

from dlkit.config.problems import Problem, RunError
from dlkit.config.schema.training import Checkpoints
from dlkit.runs import RunFolder
from dlkit.training import checkpoints
from dlkit.training.checkpoints import Checkpoint, Progress
from dlkit.training.state import Arrays, State


class Keeper:
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

    def due(self, progress: Progress) -> bool:
        """Whether the settings ask for a checkpoint in mid-epoch now."""
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
        """Write the whole state, and delete what is no longer kept.

        Args:
            state: of the run.
            progress: of the run.
            seconds: that training has taken so far.
        """
        folder, events = self._folder.checkpoints, self._folder.events
        length = events.stat().st_size if events.exists() else 0
        about = {**self._about, "events": length, "seconds": seconds}
        checkpoints.save(checkpoints.of_step(folder, progress.step), Checkpoint(state.arrays(), progress, about))
        checkpoints.tidy(folder, self._settings.keep, progress)
        self._saved_at = time.monotonic()

    def save_best(self, state: State, progress: Progress) -> None:
        """Write the weights of the epoch that has just ended, which is among the best."""
        kept = Checkpoint(state.weights(), progress, self._about)
        checkpoints.save(checkpoints.of_epoch(self._folder.checkpoints, progress.epoch), kept)

    def best(self, progress: Progress) -> Arrays:
        """The weights of the best epoch."""
        return checkpoints.load(checkpoints.of_epoch(self._folder.checkpoints, progress.best_epoch)).arrays

    def is_empty(self) -> bool:
        """Whether there is no checkpoint yet."""
        return not checkpoints.newest(self._folder.checkpoints)

    def newest(self) -> tuple[Checkpoint | None, list[RunError]]:
        """The newest whole checkpoint, or None where there never was one; and what is wrong with newer ones.

        Raises:
            RunError: if none is whole, or it belongs to another model or other data.
        """
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
