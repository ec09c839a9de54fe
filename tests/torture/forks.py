"""Processes that are cheap to start and to kill: forks of one that has imported everything and started nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path


def fork(job: Callable[[], None], log: Path) -> int:
    """Run a job in a process of its own; gives its number. What it prints goes to `log`."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        with log.open("ab", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        job()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended(number: int) -> int | None:
    """Exit status of a process, negative for a signal; None while it runs."""
    found, status = os.waitpid(number, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def finish(number: int) -> int:
    """Wait for a process; its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def kill(number: int) -> None:
    """End a process as a power cut would end its machine, but for the disk's cache."""
    os.kill(number, signal.SIGKILL)


def kill_when(number: int, due: Callable[[], bool], nap: float = 0.0002) -> bool:
    """Kill a process as soon as it is due; False if it ended by itself before.

    Raises:
        RuntimeError: if it failed by itself.
    """
    while True:
        status = ended(number)
        if status == 0:
            return False
        if status is not None:
            raise RuntimeError(f"the process ended by itself with status {status}")
        if due():
            kill(number)
            finish(number)
            return True
        time.sleep(nap)


def is_writing(folder: Path) -> bool:
    """Whether a write into the folder is under way, or was cut off."""
    with contextlib.suppress(FileNotFoundError):
        return any(name.startswith(".") for name in os.listdir(folder))  # noqa: PTH208
    return False
