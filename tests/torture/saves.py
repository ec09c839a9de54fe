"""A save that is killed before or after each of its calls to the operating system. NumPy alone, no TensorFlow."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.files import clear_remains
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.checkpoints.files import Checkpoint, Progress
from tests.torture.forks import finish, fork

CALLS = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "symlink")


class Points:
    """Counts the moments before and after each call, and kills the process at the one that was chosen."""

    def __init__(self, at: int) -> None:
        self.at, self.passed = at, 0

    def passing(self) -> None:
        """One more moment."""
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Let a function have a moment before it and one after it."""
        function = getattr(owner, name)

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.passing()
            result = function(*args, **kwargs)
            self.passing()
            return result

        setattr(owner, name, wrapped)


def state(step: int, best: list[int]) -> Checkpoint:
    """The state of a made-up run after this many steps; its arrays hold the step."""
    arrays = {f"weights/{i}": np.full((40, 7), step * 10 + i, np.float32) for i in range(4)}
    return Checkpoint(
        arrays, Progress(epoch=step, step=step, best_epochs=best, best_values=[0.5] * len(best)), {"model": "a"}
    )


def save(folder: Path, step: int) -> None:
    """What the loop does at the end of an epoch: best weights, then the checkpoint, then what is no longer kept."""
    checkpoints.save(checkpoints.of_epoch(folder, step), state(step, [step]))
    checkpoints.save(checkpoints.of_step(folder, step), state(step, [step]))
    checkpoints.tidy(folder, 2, Progress(epoch=step, step=step, best_epochs=[step], best_values=[0.5]))


def killed_save(folder: Path, step: int, at: int) -> bool:
    """Save, killed at a moment; False if the save was over before."""

    def job() -> None:
        points = Points(at)
        for name in CALLS:
            points.around(os, name)
        points.around(Path, "write_text")
        points.around(sys.modules["numpy.lib.format"], "write_array")
        points.around(np, "savez")
        save(folder, step)

    return finish(fork(job, folder.parent / "log")) == -signal.SIGKILL


def check(folder: Path, steps: tuple[int, int]) -> int:
    """The step of the newest checkpoint, after what a resumed run does first; it and the best one it names are whole.

    Args:
        folder: of the checkpoints.
        steps: the one before the save that was killed, and its own.
    """
    clear_remains(folder)
    newest = checkpoints.load(checkpoints.newest(folder)[0])
    step = newest.progress.step
    assert step in steps
    best = checkpoints.load(checkpoints.of_epoch(folder, newest.progress.best_epoch))
    for found in (newest, best):
        for name, array in state(step, []).arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array)
    checkpoints.tidy(folder, 2, newest.progress)
    assert checkpoints.load(folder / checkpoints.BEST).progress.step == step
    return step


def torture(folder: Path, at_least: int, message: Callable[[str], None] = lambda line: None) -> dict[str, int]:
    """Kill saves at every moment in turn, one run of saves after the other, until there are enough kills.

    Returns:
        `kills`, `new` (the killed save had got through), `old` (the one before was found), `moments` in one save.
    """
    found = {"kills": 0, "new": 0, "old": 0, "moments": 0}
    step, at = 1, 1
    save(folder, step)
    while found["kills"] < at_least or at > 1:
        if not killed_save(folder, step + 1, at):
            found["moments"] = max(found["moments"], at - 1)
            step, at = step + 1, 1
            continue
        found["kills"] += 1
        reached = check(folder, (step, step + 1))
        found["new" if reached > step else "old"] += 1
        if reached > step:
            step = reached
        at += 1
    message(f"{found}")
    return found
