"""Which epoch is best, whose weights are kept for it, and when to stop early."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.schema.history import monitor_problem, monitor_problems
from dlkit.schema.training import Training
from dlkit.training.callbacks import monitor_of
from dlkit.training.checkpoints.files import Progress


class BestTracker:
    """Compares the epochs of a run by one column of its history.

    Attributes:
        monitor: that column, None where nothing decides.
        mode: `min` or `max`.
    """

    def __init__(self, settings: Training, *, validation: bool) -> None:
        """A judge by the settings' `monitor`, or by `val_loss` where there is a validation split."""
        self.monitor, self.mode = chosen_monitor(settings, validation=validation)
        self._stopping, self._keep = settings.early_stopping, settings.checkpoints.keep_best

    def judge(self, row: Mapping[str, Any], progress: Progress) -> bool:
        """Whether an epoch is the best so far; what follows from it is written into the progress.

        Args:
            row: the epoch's row of the history.
            progress: of the run; its ranking, its count of epochs without improvement and its end are changed.
        """
        if self.monitor is None:
            return False
        value = row[self.monitor]
        if value is None:
            return False  # an epoch that was not validated
        # What is no finite number is never the best.
        finite = math.isfinite(value)
        counts = finite and self._counts(value, progress.counted_value)
        improved = finite and (progress.best_value is None or self._is_better(value, progress.best_value))
        if counts:
            progress.counted_value, progress.epochs_without_improvement = value, 0
        else:
            progress.epochs_without_improvement += 1
        if finite:
            self._rank(value, progress)
        if self._stopping and progress.epochs_without_improvement >= self._stopping.patience:
            progress.stop(
                "early_stopping", f"{self.monitor} has not improved for {count(self._stopping.patience, 'epoch')}"
            )
        return improved

    def warning(self, row: Mapping[str, Any], progress: Progress) -> str:
        """A line for the first epoch whose monitored figure is no finite number; empty for any other."""
        value = None if self.monitor is None else row[self.monitor]
        if value is None or math.isfinite(value) or progress.best_epochs or progress.epochs_without_improvement != 1:
            return ""
        return f"`{self.monitor}` is {value}: no epoch can be the best as long as it is no finite number"

    def must_have_been_finite(self, progress: Progress) -> None:
        """Refuse to end a run none of whose epochs could be compared.

        Raises:
            RunError: if the monitored column was never a finite number.
        """
        if self.monitor is not None and progress.epochs_without_improvement and not progress.best_epochs:
            raise RunError(
                Problem(
                    "monitor-not-finite",
                    f"`{self.monitor}` was in no epoch a finite number, so none could be chosen as the best",
                    key=("training", "monitor"),
                    help="choose another column with `training.monitor`; those of the history are in history.csv",
                )
            )

    def _counts(self, value: float, before: float | None) -> bool:
        """Whether a figure is better than the last one that counted, by more than `min_delta`, as Keras asks it."""
        least = self._stopping.min_delta if self._stopping else 0.0
        return before is None or self._is_better(value + least if self.mode == "min" else value - least, before)

    def _is_better(self, value: float, than: float) -> bool:
        return value < than if self.mode == "min" else value > than

    def _rank(self, value: float, progress: Progress) -> None:
        """Put the epoch that has just ended among the best ones, if it is one; of equals the earlier is."""
        sign = 1 if self.mode == "min" else -1
        ranked = [*zip(progress.best_values, progress.best_epochs, strict=True), (value, progress.epoch)]
        ranked = sorted(ranked, key=lambda pair: (sign * pair[0], pair[1]))[: self._keep]
        progress.best_values, progress.best_epochs = ([*part] for part in zip(*ranked, strict=True))


def check_monitor(settings: Training, columns: Collection[str], *, validation: bool) -> None:
    """Refuse a monitor that the history will not have, and early stopping that nothing could decide.

    Args:
        settings: of the run.
        columns: names of the loss and metrics, without `val_`.
        validation: whether there is a validation split.

    Raises:
        ConfigError: naming each.
    """
    problems = list(monitor_problems(settings, columns, validation=validation))
    for number, callback in enumerate(settings.callbacks):
        monitor = monitor_of(callback)
        if monitor is not None:
            key = ("training", "callbacks", number, "monitor")
            problems += monitor_problem(monitor, columns, key, validation=validation)
    if problems:
        raise ConfigError(problems)


def chosen_monitor(settings: Training, *, validation: bool) -> tuple[str | None, str]:
    """The column of the history that decides which epoch is best, None where nothing does; and `min` or `max`.

    Args:
        settings: of the run, as `with_mode` gave them where the mode was left open.
        validation: whether there is a validation split.
    """
    return settings.monitor or ("val_loss" if validation else None), "max" if settings.mode == "max" else "min"


def with_mode(settings: Training, directions: Mapping[str, str | None]) -> Training:
    """The settings with a mode that says whether lower or higher is better.

    Args:
        settings: of the run; a stated mode stays.
        directions: `min` or `max` by the name of each loss and metric, without `val_`; None where it is not known.

    Raises:
        ConfigError: if a mode is left open, here or of one of Keras's callbacks, and the column does not say it.
    """
    found = directions.get(_of_split(settings.monitor)) if settings.monitor is not None else None
    problems = []
    if settings.mode == "auto" and settings.monitor is not None and found is None:
        problems.append(_mode_unknown(settings.monitor, ("training", "monitor"), "training.mode"))
    for number, callback in enumerate(settings.callbacks):
        monitor, is_open = monitor_of(callback), callback.arguments.get("mode", "auto") == "auto"
        if monitor is not None and is_open and directions.get(_of_split(monitor)) is None:
            key = ("training", "callbacks", number)
            problems.append(_mode_unknown(monitor, key, f"training.callbacks.{number}.mode"))
    if problems:
        raise ConfigError(problems)
    return settings if settings.mode != "auto" or found is None else settings.model_copy(update={"mode": found})


def _of_split(column: str) -> str:
    """The name of a column's figure, whatever split it is of."""
    return column.removeprefix("val_")


def _mode_unknown(monitor: str, key: Key, setting: str) -> Problem:
    message = f"whether a lower or a higher `{monitor}` is better is not known"
    return Problem("mode-unknown", message, key, help=f"say it with `{setting}: min` or `{setting}: max`")
