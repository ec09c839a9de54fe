"""Forks of a process in which TensorFlow has worked: they have none of its threads, and must not use it."""

from __future__ import annotations

import os

from dlkit.config.problems import ConfigError, Problem

_used = _forked = False


def remember_use() -> None:
    """TensorFlow starts to work in this process: what is forked from it from now on cannot use it."""
    global _used
    if not _used and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_note_fork)
    _used = True


def refuse_in_fork() -> None:
    """Refuse to go on in a fork of a process in which TensorFlow had worked.

    Raises:
        ConfigError: there, where TensorFlow would hang, or end the process with a line of C++.
    """
    if _forked:
        raise ConfigError(
            Problem(
                "forked-process",
                "this process was forked from one in which TensorFlow had worked, and has none of its threads",
                help="start it with multiprocessing's `spawn` method: multiprocessing.get_context('spawn')",
            )
        )


def _note_fork() -> None:
    global _forked
    _forked = True
