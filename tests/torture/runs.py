"""Whole runs that are killed at random moments, or in the middle of a write, and resumed until they are through."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dlkit.runs import RunFolder
from tests.torture import forks
from tests.torture.cases import Case, digest, prepare, settings


@dataclass
class Row:
    """What happened to the runs of one case.

    Attributes:
        kills: processes that were killed.
        in_write: of them, those after which a write that was cut off, by this kill or the one before, lay there.
        in_epoch: of them, those that left their newest checkpoint in mid-epoch.
        runs: runs that were killed and brought to their end.
        same: of them, those that ended with the bits of the run that was never killed.
        failed: what went wrong, in words.
    """

    kills: int = 0
    in_write: int = 0
    in_epoch: int = 0
    runs: int = 0
    same: int = 0
    failed: list[str] = field(default_factory=list)


def load_everything() -> None:
    """Import what a run needs, so that forks find it there.

    It starts nothing: the threads of TensorFlow would not be there in a fork.
    """
    from dlkit.progress.quiet import load_tensorflow

    load_tensorflow()
    import tensorflow_datasets  # noqa: F401

    import dlkit.sources.tfds
    import dlkit.training.run  # noqa: F401


def begin(case: Case, data: Path, place: Path, epochs: int) -> None:
    """Train a case in a new folder."""
    from dlkit.schema.loader import from_mapping
    from dlkit.training import run
    from dlkit.training.listeners import Listener

    prepare(case, place)
    run.start(from_mapping(settings(case, data, epochs)), place, Listener())


def go_on(case: Case, folder: Path) -> None:
    """Resume a run."""
    from dlkit.schema import loader
    from dlkit.training import run
    from dlkit.training.listeners import Listener

    prepare(case, folder.parents[1])
    run.resume(loader.load(folder / "config.yaml"), RunFolder(folder), Listener())


def torture(case: Case, data: Path, place: Path, *, kills: int, epochs: int, seed: int) -> Row:
    """Kill runs of a case until there are enough kills; each is killed up to six times before it may end."""
    row, chance, log = Row(), random.Random(f"{seed} {case}"), place / "log"
    place.mkdir(parents=True)
    began = time.monotonic()
    status = forks.finish(forks.fork(lambda: begin(case, data, place / "whole", epochs), log))
    seconds = time.monotonic() - began
    if status:
        row.failed.append(f"the undisturbed run failed: {log.read_text()[-2000:]}")
        return row
    whole = digest((place / "whole" / "torture" / "latest").resolve())
    while row.kills < kills and len(row.failed) < 3:
        try:
            run_and_kill(
                case, data, place / f"cut-{row.runs}", log, row, chance, min(6, kills - row.kills), epochs, seconds
            )
            cut = digest((place / f"cut-{row.runs}" / "torture" / "latest").resolve())
            row.same += cut == whole
        except Exception as error:
            row.failed.append(f"{error}: {log.read_text()[-2000:]}")
        row.runs += 1
    return row


def run_and_kill(
    case: Case,
    data: Path,
    place: Path,
    log: Path,
    row: Row,
    chance: random.Random,
    kills: int,
    epochs: int,
    seconds: float,
) -> None:
    """One run, killed a number of times, then left to end."""
    number = forks.fork(lambda: begin(case, data, place, epochs), log)
    latest = place / "torture" / "latest"
    for _ in range(kills):
        due = _due(latest, chance, seconds)
        if not forks.kill_when(number, due):
            return  # it was faster
        row.kills += 1
        folder = latest.resolve()
        row.in_write += forks.is_writing(folder / "checkpoints")
        row.in_epoch += _in_mid_epoch(folder)
        number = forks.fork(partial(go_on, case, folder), log)
    status = forks.finish(number)
    if status:
        raise RuntimeError(f"a resumed run ended with status {status}")


def _due(latest: Path, chance: random.Random, seconds: float) -> Callable[[], bool]:
    """When to kill: every second time at a moment of the time that a run takes, else during a write."""
    wait, aimed = chance.uniform(0, 0.7 * seconds), chance.random() < 0.5
    writes, seen = chance.randint(1, 8), [0, False]
    began = time.monotonic()

    def due() -> bool:
        if not (latest / "config.yaml").exists():
            return False
        if not aimed:
            return time.monotonic() - began > wait
        writing = forks.is_writing(latest / "checkpoints")
        seen[0] += writing and not seen[1]
        seen[1] = writing
        return seen[0] >= writes

    return due


def _in_mid_epoch(folder: Path) -> bool:
    from dlkit.config.problems import RunError
    from dlkit.training.checkpoints import files as checkpoints

    for path in checkpoints.newest(folder / "checkpoints"):
        try:
            return checkpoints.load(path).progress.step_in_epoch > 0
        except RunError:
            continue
    return False
