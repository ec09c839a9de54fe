"""Checkpoints: the whole state of a run in one folder, either complete or not there."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from dlkit.config.problems import Problem, RunError
from dlkit.files import check_npz, clear_remains, disk_errors, parse_json, read_bytes, remove, sha256, written_aside
from dlkit.runs.records import first_mistake

ARRAYS, STATE, DIGESTS = "arrays.npz", "state.json", "digests.json"
FORMAT = 2
Count = Annotated[int, Field(ge=0, lt=2**53)]
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

    epoch: Count = 0
    step_in_epoch: Count = 0
    step: Count = 0
    best_epochs: list[Count] = field(default_factory=list)
    best_values: list[float] = field(default_factory=list)
    counted_value: float | None = None
    epochs_without_improvement: Count = 0
    stopped: str | None = None
    stopped_by: str | None = None
    rollbacks: Count = 0
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


class About(BaseModel):
    """What a checkpoint says beside its progress; the loop compares the rest with its own."""

    model_config = ConfigDict(extra="allow")

    events: Annotated[int, Field(ge=0)] = 0
    seconds: Annotated[float, Field(ge=0)] = 0.0


class SavedState(BaseModel):
    """`state.json` of a checkpoint."""

    format: int
    progress: Progress
    about: About

    @model_validator(mode="after")
    def _best_epochs_have_been(self) -> SavedState:
        progress = self.progress
        trained = all(1 <= epoch <= progress.epoch for epoch in progress.best_epochs)
        if len(progress.best_epochs) != len(progress.best_values) or not trained:
            raise ValueError("its best epochs are none of those that it has trained")
        return self


class Digests(RootModel[dict[str, str]]):
    """`digests.json` of a checkpoint: SHA-256 by file."""


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
        digests = Digests.model_validate(parse_json(read_bytes(folder / DIGESTS))).root
        for name in (ARRAYS, STATE):
            if sha256(folder / name) != digests.get(name):
                raise ValueError(f"{name} is not as it was written")
        content = parse_json(read_bytes(folder / STATE))
        form = content.get("format") if isinstance(content, dict) else None
        if form != FORMAT:
            raise ValueError(f"its format is {form!a:.20}, this version reads {FORMAT}")
        state = SavedState.model_validate(content)
        check_npz(folder / ARRAYS)
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            return Checkpoint(dict(arrays), state.progress, state.about.model_dump(exclude_unset=True))
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        reason = first_mistake(error) if isinstance(error, ValidationError) else error
        raise RunError(Problem("damaged-checkpoint", f"the checkpoint {folder} cannot be used: {reason}")) from error


def of_step(folder: Path, step: int) -> Path:
    """Where the state after a number of updates is kept."""
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
            if not (folder / BEST).is_symlink():
                remove(folder / BEST)  # a folder, where the run was copied by a program that follows links
            aside.replace(folder / BEST)
    stay = {of_epoch(folder, epoch) for epoch in progress.best_epochs}
    for old in [*newest(folder)[keep:], *(set(folder.glob(f"{BEST}-*")) - stay)]:
        shutil.rmtree(old, ignore_errors=True)
