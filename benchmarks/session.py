"""One row of a measurement, in a process of its own: it trains without end, and is held between epochs until asked.

A row calls `epoch_ended` after every epoch. The first one, which compiles, is not counted: after it the process says
that it is ready, and waits. Each line on standard input then begins a turn: it trains whole epochs until enough seconds
are over, and answers with a line of JSON. Standard output is kept for the answers alone. The module needs nothing but
the standard library, since rows of other frameworks use it too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


class Session:
    """The conversation of one row with the program that measures."""

    def __init__(self, images: int, seconds: float) -> None:
        """Take standard output for the answers; whatever else is printed goes to standard error.

        Args:
            images: trained on in an epoch.
            seconds: shortest measurement; the epoch under way is finished.
        """
        self._images, self._seconds = images, seconds
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._began: float | None = None
        self._epochs = 0
        self._note = ""

    def note(self, text: str) -> None:
        """What was chosen for this row, such as the best of several flags."""
        self._note = text

    def epoch_ended(self, loss: float, accuracy: float) -> None:
        """Count an epoch; wait here where a turn is over.

        Args:
            loss: mean over the epoch.
            accuracy: in training, over the epoch.
        """
        if self.turn_over(loss, accuracy):
            self.wait()

    def turn_over(self, loss: float, accuracy: float) -> bool:
        """Count an epoch; whether a turn is over, which is then answered for."""
        if self._began is None:
            self._answer({"ready": True, "note": self._note})
            return True
        self._epochs += 1
        seconds = time.perf_counter() - self._began
        if seconds >= self._seconds:
            images = self._epochs * self._images
            self._answer({"seconds": seconds, "images": images, "loss": float(loss), "accuracy": float(accuracy)})
            return True
        return False

    def wait(self) -> None:
        """Wait until the next turn is asked for, and begin it."""
        if not sys.stdin.readline():
            sys.exit()
        self.begin()

    def begin(self) -> None:
        """Count from now."""
        self._epochs, self._began = 0, time.perf_counter()

    def _answer(self, content: dict[str, Any]) -> None:
        print(json.dumps(content), file=self._answers, flush=True)
