"""Where run folders are: making one, and finding the one that a user means."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.runs.folder import RunFolder

STAMP = "%Y-%m-%d_%H%M%S"
RUN_NAME = re.compile(r"(\d{4}-\d\d-\d\d_\d{6})_[0-9a-f]{4}")


def create(runs: Path, name: str) -> RunFolder:
    """Make the folder of a new run, `runs/<name>/<date>_<time>_<four letters>`, and point `latest` at it.

    Raises:
        RunError: if it cannot be made there.
    """
    path = runs / name / f"{time.strftime(STAMP)}_{secrets.token_hex(2)}"
    try:
        path.mkdir(parents=True, exist_ok=False)
        _point_latest(path)
    except OSError as error:
        raise RunError(
            Problem(
                "run-folder-not-made",
                f"the run folder {path} cannot be made: {error.strerror or error}",
                help="give another place with --runs DIR",
            )
        ) from error
    return RunFolder(path)


def find(run: str, runs: Path) -> RunFolder:
    """The run that a user means: a folder, `latest`, or the name of a configuration, whose latest run it is.

    The times in the folders' names say which run is the latest, so that links may be lost or copied.

    Raises:
        ConfigError: if there is none.
    """
    candidates: list[Path] = []
    if run == "latest":
        candidates = _newest_first(runs.glob("*"))
    elif run:
        candidates = [Path(run), runs / run, runs / run / "latest", *_newest_first([runs / run])]
    for candidate in candidates:
        if (candidate / "config.yaml").is_file():
            return RunFolder(candidate.resolve())
    known = sorted({path.parent.name for path in _newest_first(runs.glob("*"))})
    raise ConfigError(
        Problem(
            "no-such-run",
            f"there is no run `{run}`",
            help=f"under {runs} there are: {', '.join(known)}" if known else f"there are no runs under {runs} yet",
        )
    )


def _newest_first(places: Iterable[Path]) -> list[Path]:
    """The runs in these folders; of those of one second, the one that `latest` leads to comes first."""
    found = [
        (named[1], path.name == latest, path)
        for place in places
        if place.is_dir()
        for latest in [_target(place / "latest")]
        for path in place.iterdir()
        if (named := RUN_NAME.fullmatch(path.name))
    ]
    return [path for *_, path in sorted(found, reverse=True)]


def _target(link: Path) -> str:
    return link.readlink().name if link.is_symlink() else ""


def _point_latest(path: Path) -> None:
    """Let `latest`, beside the run, lead to it; replaced in one step."""
    aside = path.with_name(f".latest.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(path.name)
    aside.replace(path.with_name("latest"))
