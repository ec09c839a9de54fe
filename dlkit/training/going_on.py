"""Whether a run that is finished has anything left to train, and what to ask for where it has not. No TensorFlow."""

from __future__ import annotations

import contextlib
import shlex

from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.files import parse_json, read_bytes
from dlkit.runs import RunFolder
from dlkit.schema import Config
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.checkpoints.files import Progress, SavedState
from dlkit.training.limits import UNITS, shortened, still_stopped, time_limit

# A limit that was reached may be raised; what else ended the run stays true.
RAISABLE = ("max_steps", "max_time")


def nothing_to_train(config: Config, folder: RunFolder) -> Problem | None:
    """Why a finished run would make no update more; None where it would.

    Args:
        config: that it is to go on with.
        folder: the run.
    """
    state = _newest(folder)
    if state is None:
        return None
    progress, seconds = state
    settings = shortened(config).training
    stopped = progress.stopped is not None and still_stopped(progress, seconds, settings)
    if not stopped and progress.epoch < settings.epochs:
        return None
    why = f": stopped early: {progress.stopped}" if stopped else ""
    more = train_on(config, progress)
    if more and config.data.source is None:
        # Data that were given in Python have to be given again.
        overrides = more.split()
        help = f"to train on: dlkit.load_run({str(folder.path)!r}, data=...).resume({overrides})"
    elif more:
        help = f"to train on: dlkit train --resume {shlex.quote(str(folder.path))} {more}"
    else:
        help = "to train longer, start a new run that may, with `training.init_from` set to this one"
    message = f"the run {folder.path} is finished, after {count(progress.epoch, 'epoch')}{why}"
    return Problem("not-on-resume", message, help=help)


def train_on(config: Config, progress: Progress) -> str:
    """The override words with which a finished run trains on; empty where none would make it.

    Args:
        config: of the run.
        progress: of the run at its end.
    """
    settings = config.training
    if settings.fast_dev_run or (progress.stopped is not None and progress.stopped_by not in RAISABLE):
        return ""
    words = []
    if progress.stopped_by == "max_steps" and settings.max_steps is not None:
        words.append(f"training.max_steps={2 * settings.max_steps}")
    if progress.stopped_by == "max_time":
        words.append(f"training.max_time={_in_words(2 * int(time_limit(settings)))}")
    if progress.epoch >= settings.epochs:
        words.append(f"training.epochs={2 * progress.epoch}")
    return " ".join(words)


def _in_words(seconds: int) -> str:
    """Seconds as `max_time` is written."""
    words = ""
    for unit, length in UNITS.items():
        number, seconds = divmod(seconds, length)
        words += f"{number}{unit}" if number else ""
    return words


def _newest(folder: RunFolder) -> tuple[Progress, float] | None:
    """How far the newest checkpoint of a run had come, and the seconds it took; None where none says it."""
    for path in checkpoints.newest(folder.checkpoints):
        with contextlib.suppress(OSError, ValueError):
            state = SavedState.model_validate(parse_json(read_bytes(path / checkpoints.STATE)))
            return state.progress, state.about.seconds
    return None
