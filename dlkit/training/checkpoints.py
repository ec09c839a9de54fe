"""Checkpoints: the whole state of a run in one folder, either complete or not there."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.problems import Problem, RunError
from dlkit.files import sha256, write_json, written_aside

ARRAYS, STATE, DIGESTS = "arrays.npz", "state.json", "digests.json"
FORMAT = 1


@dataclass
class Progress:
    """How far a run has come: everything it remembers beside weights, optimizer and metrics.

    Attributes:
        epoch: epochs that are complete, validation included.
        step_in_epoch: updates made in the epoch under way.
        step: updates made in all.
        best_epoch: epoch with the best monitored figure, from 1; 0 where there is none yet.
        best_value: that figure.
        epochs_without_improvement: since the best one.
        stopped: why training ended before its last epoch, or None.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float | None = None
    epochs_without_improvement: int = 0
    stopped: str | None = None


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
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(folder) as aside:
            aside.mkdir()
            np.savez(aside / ARRAYS, **checkpoint.arrays)  # type: ignore[arg-type]
            state = {"format": FORMAT, "progress": asdict(checkpoint.progress), "about": checkpoint.about}
            write_json(aside / STATE, state)
            write_json(aside / DIGESTS, {name: sha256(aside / name) for name in (ARRAYS, STATE)})
    except OSError as error:
        size = sum(a.nbytes for a in checkpoint.arrays.values()) / 2**20
        raise RunError(
            Problem(
                "checkpoint-not-written",
                f"the checkpoint {folder} could not be written: {error.strerror or error}",
                help=f"it needs {size:.1f} MiB; the checkpoint before it is untouched",
            )
        ) from error


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


def newest(folder: Path) -> list[Path]:
    """The checkpoints of a run, newest first, the best one left out."""
    return sorted(folder.glob("step-*"), reverse=True)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest checkpoints, and what interrupted writes left behind."""
    for old in [*newest(folder)[keep:], *folder.glob(".*.partial"), *folder.glob(".*.old")]:
        shutil.rmtree(old, ignore_errors=True)
