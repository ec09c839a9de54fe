"""`train --profile`: a trace for TensorBoard, and where the time of a step goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from dlkit.config.problems import Problem, RunError
from dlkit.training.clock import Clock

# Of the chunks after the compiling ones, as many are traced: a trace of a second is some megabytes.
TRACED_CHUNKS = 2


class Profile:
    """A trace of a few chunks of updates.

    Attributes:
        steps: updates that were made while the clock ran, those of compiling chunks left out.
    """

    def __init__(self, folder: Path | None) -> None:
        """Trace into this folder, for TensorBoard's plug-in `profile`; nothing, if it is None."""
        self._folder, self._chunks = folder, 0
        self.steps = 0

    def begin(self, *, compiling: bool) -> None:
        """A chunk begins."""
        if self._folder is None or compiling or self._chunks > 0:
            return
        try:
            tf.profiler.experimental.start(str(self._folder))
        except (tf.errors.OpError, OSError) as error:
            message = f"the profile cannot be written to {self._folder}: {error}"
            raise RunError(Problem("file-not-written", message, help="free some space, or train without it")) from error

    def end(self, steps: int, *, compiling: bool) -> None:
        """A chunk of updates ended."""
        if compiling:
            return
        self.steps += steps
        self._chunks += 1
        if self._chunks == TRACED_CHUNKS:
            self.close()

    def close(self) -> None:
        """Write the trace."""
        if self._folder is not None and self._chunks > 0:
            tf.profiler.experimental.stop()
            self._folder = None


def times(clock: Clock, steps: int) -> dict[str, Any]:
    """Milliseconds of a step by what they went into, and what was spent once.

    Returns:
        `steps`, `milliseconds` (data, compute, health, validation, saving, host: the rest), `compiling` in seconds.
    """
    seconds = {name: value for name, value in clock.seconds.items() if name != "compiling"}
    seconds["host"] = max(0.0, clock.total - sum(clock.seconds.values()))
    each = {name: 1000 * value / max(1, steps) for name, value in seconds.items()}
    return {"steps": steps, "milliseconds": each, "compiling": clock.seconds["compiling"]}
