"""What a run shows while it trains: on a terminal, in a notebook, in a pipe, or nothing."""

from __future__ import annotations

import os
import sys
from typing import Any

from dlkit.progress.base import Progress


def progress_for(verbose: bool | int = True) -> Progress:
    """The listener that suits where the program runs.

    Args:
        verbose: False or 0 shows nothing.

    Returns:
        One that updates a table in a notebook, a bar on a terminal, and prints a line per epoch anywhere else.
    """
    if not verbose:
        return Progress()
    if in_notebook():
        from dlkit.progress.notebook import NotebookProgress

        return NotebookProgress()
    if is_terminal(sys.stdout):
        from dlkit.progress.terminal import TerminalProgress

        return TerminalProgress()
    from dlkit.progress.plain import PlainProgress

    return PlainProgress()


def is_terminal(stream: Any) -> bool:
    """Whether a stream ends on a terminal that can move its cursor; None and objects that cannot say it do not."""
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and bool(isatty()) and os.environ.get("TERM") not in (None, "", "dumb")


def in_notebook() -> bool:
    """Whether the program runs in a Jupyter kernel, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
