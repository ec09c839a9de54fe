"""Ctrl-C and termination: noted at once, acted on when the chunk under way has ended."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType

from dlkit.config.problems import DlkitError, Problem
from dlkit.schema import Config


class Interrupted(DlkitError):
    """The run was asked to stop; it saved a checkpoint first. Exit status 130 for SIGINT, 143 for SIGTERM."""

    def __init__(self, problem: Problem, number: int) -> None:
        super().__init__(problem)
        self.exit_status = 128 + number


def how_to_go_on(folder: Path, config: Config) -> str:
    """What to type to go on with a run; data that were given in Python have to be given again."""
    if config.data.source is None:
        return f"go on with: dlkit.load_run({str(folder)!r}, data=...).resume()"
    return f"go on with: dlkit train --resume {shlex.quote(str(folder))}"


class Interrupts:
    """Within the block, `asked` holds the signal that asked the run to stop, or None. A second one ends it at once."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interrupts:
        # Python hands signals to its main thread alone; elsewhere the run just cannot be stopped this way.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked is not None:
            os._exit(128 + number)
        self.asked = number
