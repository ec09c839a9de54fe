"""Checkpoints: the whole state of a run in one folder, either complete or not there."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.problems import Problem, RunError
from dlkit.files import clear_remains, disk_errors, sha256, written_aside

ARRAYS, STATE, DIGESTS = "arrays.npz", "state.json", "digests.json"
FORMAT = 2
BEST = "best"


@dataclass
class Progress:
    """How far a run has come: everything it remembers beside weights, optimizer and metrics.

    Attributes:
        epoch: epochs that are complete, validation included.
        step_in_epoch: updates made in the epoch under way.
        step: updates made in all.
        best_epochs: epochs with the best monitored figures, from 1, whose weights are kept; the best one first.
        best_values: those figures.
        counted_value: the last figure that counted as an improvement, which the next one is compared with.
        epochs_without_improvement: since that one.
        stopped: why training ended before its last epoch, or None.
        stopped_by: what ended it: `early_stopping`, `max_steps`, `max_time` or `callback`; None while nothing has.
        rollbacks: times that it went back to a checkpoint because a number was not finite.
        callbacks: what callbacks gave to be kept, as JSON values, None for one that gave nothing.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best_epochs: list[int] = field(default_factory=list)
    best_values: list[float] = field(default_factory=list)
    counted_value: float | None = None
    epochs_without_improvement: int = 0
    stopped: str | None = None
    stopped_by: str | None = None
    rollbacks: int = 0
    callbacks: list[Any] = field(default_factory=list)

    def stop(self, by: str, why: str) -> None:
        """Let training end once the epoch under way has been seen to; the first reason stays."""
        if self.stopped is None:
            self.stopped_by, self.stopped = by, why

    @property
    def best_epoch(self) -> int:
        """Epoch with the best monitored figure, from 1; 0 where there is none."""
        return self.best_epochs[0] if self.best_epochs else 0

    @property
    def best_value(self) -> float | None:
        """The best monitored figure, or None."""
        return self.best_values[0] if self.best_values else None


@dataclass
class Checkpoint:
    """A state as it is saved.

    Attributes:
        arrays: NumPy arrays by name, as in `weights/0`.
        progress: how far the run had come.
        about: what the run must have in common with one that goes on from here, and lengths of its records.
    """

    arrays: dict[str, np.ndarray]
    progress: Progress
    about: dict[str, Any] = field(default_factory=dict)


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under this name, whole or not at all.

    Raises:
        RunError: if the disk refuses it; what stood there before is untouched.
    """
    size = sum(a.nbytes for a in checkpoint.arrays.values())
    help = "the checkpoint before it is untouched; free some space, then go on with --resume"
    with disk_errors(folder, size, "checkpoint-not-written", help):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(folder) as aside:
            aside.mkdir()
            np.savez(aside / ARRAYS, **checkpoint.arrays)  # type: ignore[arg-type]
            state = {"format": FORMAT, "progress": asdict(checkpoint.progress), "about": checkpoint.about}
            (aside / STATE).write_text(json.dumps(state, indent=2), encoding="utf-8")
            digests = {name: sha256(aside / name) for name in (ARRAYS, STATE)}
            (aside / DIGESTS).write_text(json.dumps(digests, indent=2), encoding="utf-8")


def load(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        RunError: if anything in it is missing or not as it was written.
    """
    try:
        digests = json.loads((folder / DIGESTS).read_text())
        for name in (ARRAYS, STATE):
            if sha256(folder / name) != digests[name]:
                raise ValueError(f"{name} is not as it was written")
        state = json.loads((folder / STATE).read_text())
        if state["format"] != FORMAT:
            raise ValueError(f"its format is {state['format']}, this version reads {FORMAT}")
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            return Checkpoint(dict(arrays), Progress(**state["progress"]), state["about"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(Problem("damaged-checkpoint", f"the checkpoint {folder} cannot be used: {error}")) from error


def of_step(folder: Path, step: int) -> Path:
    """Where the state after so many updates is kept."""
    return folder / f"step-{step:010d}"


def of_epoch(folder: Path, epoch: int) -> Path:
    """Where the weights of an epoch are kept that is among the best."""
    return folder / f"{BEST}-{epoch:06d}"


def newest(folder: Path) -> list[Path]:
    """The checkpoints of a run, newest first, those of the best epochs left out."""
    return sorted(folder.glob("step-*"), reverse=True)


def tidy(folder: Path, keep: int, progress: Progress) -> None:
    """Let `best` lead to the best epoch's weights, and delete what is no longer kept.

    Called once a checkpoint is whole, so that whatever the newest one speaks of is there.

    Args:
        folder: of a run's checkpoints.
        keep: newest checkpoints that stay.
        progress: what the newest one says; its best epochs stay.
    """
    clear_remains(folder)
    with disk_errors(folder / BEST, 0, "checkpoint-not-written"):
        if progress.best_epochs:
            aside = folder / f".{BEST}.partial"
            aside.symlink_to(of_epoch(folder, progress.best_epoch).name)
            aside.replace(folder / BEST)
    stay = {of_epoch(folder, epoch) for epoch in progress.best_epochs}
    for old in [*newest(folder)[keep:], *(set(folder.glob(f"{BEST}-*")) - stay)]:
        shutil.rmtree(old, ignore_errors=True)
