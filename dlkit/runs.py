"""The run folder: its layout, making one, finding one, and what it records of a run while it goes on."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.files import append_text, clear_remains, write_json, write_text

STAMP = "%Y-%m-%d_%H%M%S"
RUN_NAME = re.compile(r"(\d{4}-\d\d-\d\d_\d{6})_[0-9a-f]{4}")
PACKAGES = ("dlkit-tf", "tensorflow", "keras", "numpy", "tensorflow-datasets")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; each property names one of its files or folders."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration; training it again repeats the run."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, devices, command line."""
        return self.path / "environment.json"

    @property
    def data(self) -> Path:
        """Fingerprints, sizes and classes of the data."""
        return self.path / "data.json"

    @property
    def state(self) -> Path:
        """Whether the run is running, finished, failed or interrupted."""
        return self.path / "state.json"

    @property
    def history(self) -> Path:
        """A row per epoch."""
        return self.path / "history.csv"

    @property
    def events(self) -> Path:
        """Everything else that happened, a JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """What happened, in lines for people."""
        return self.path / "train.log"

    @property
    def tensorboard(self) -> Path:
        """Curves of the history, for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """The newest checkpoints, and the best."""
        return self.path / "checkpoints"

    @property
    def nonfinite(self) -> Path:
        """The last batch that made a loss or weight no finite number, and the state before it."""
        return self.path / "nonfinite"

    @property
    def model(self) -> Path:
        """The saved model, from raw input to probabilities."""
        return self.path / "model.keras"

    @property
    def test(self) -> Path:
        """Test loss and metrics."""
        return self.path / "test.json"

    @property
    def predictions(self) -> Path:
        """Labels and probabilities of the test split."""
        return self.path / "predictions" / "test.npz"

    def set_state(self, state: str, **more: Any) -> None:
        """Record how the run stands: running, finished, failed, interrupted."""
        write_json(self.state, {"state": state, "time": now(), "pid": os.getpid(), **more})

    def read_state(self) -> dict[str, Any]:
        """How the run stood when it was last recorded; empty where that cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.state.read_text(encoding="utf-8")))
        return {}

    def has_begun(self) -> bool:
        """Whether the run has recorded its start, so that it can be gone on with."""
        return self.environment.exists() or self.checkpoints.exists()

    def read_environment(self) -> dict[str, Any]:
        """What the run was made with; empty where that cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.environment.read_text(encoding="utf-8")))
        return {}

    def read_execution(self) -> dict[str, Any]:
        """What the loop chose by rule when the run began.

        Raises:
            RunError: if the run does not say.
        """
        try:
            return dict(json.loads(self.environment.read_text(encoding="utf-8"))["chosen"])
        except (OSError, ValueError, KeyError) as error:
            raise RunError(
                Problem(
                    "damaged-run",
                    f"{self.environment} does not say how the run was compiled: {error}",
                    help="start the run anew: it cannot be resumed to the same bits",
                )
            ) from error

    def event(self, kind: str, **more: Any) -> None:
        """Append one line to the events."""
        append_text(self.events, json.dumps({"time": now(), "kind": kind, **more}) + "\n")

    def read_events(self) -> list[dict[str, Any]]:
        """The events so far; a last line that a full disk cut short is left out."""
        return [dict(json.loads(line)) for line in _whole_lines(self.events)]

    def append_history(self, row: dict[str, Any]) -> None:
        """Append an epoch's row; the first one also writes the column names."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(row))
        if not self.history.exists() or not self.history.stat().st_size:
            writer.writeheader()
        writer.writerow(row)
        append_text(self.history, text.getvalue())

    def read_history(self) -> list[dict[str, Any]]:
        """The rows so far, whole ones alone; numbers as they were, whole ones as int, None for those that are empty."""
        rows = csv.DictReader(_whole_lines(self.history))
        return [{k: int(v) if k == "epoch" else float(v) if v else None for k, v in row.items()} for row in rows]

    def cut_records(self, epochs: int, events: int) -> None:
        """Drop what was recorded after a checkpoint, which a resumed run will write again.

        Args:
            epochs: rows of the history that stay.
            events: bytes of the events that stay.

        Raises:
            RunError: if there are fewer.
        """
        lines = _whole_lines(self.history)
        if len(lines) <= epochs and epochs:
            raise RunError(
                Problem(
                    "damaged-run",
                    f"{self.history} has {max(0, len(lines) - 1)} epochs, the checkpoint was made after {epochs}",
                    help="take the file from a copy, or start the run anew",
                )
            )
        if epochs:
            write_text(self.history, "".join(lines[: epochs + 1]))
        else:
            self.history.unlink(missing_ok=True)
        kept = self.events.read_bytes()[:events] if self.events.exists() else b""
        write_text(self.events, kept.decode(errors="replace"))

    def clear_remains(self) -> None:
        """Delete what writes that were cut off left behind; the run must be locked."""
        for folder in (self.path, self.checkpoints, self.predictions.parent):
            clear_remains(folder)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; the lock frees itself when its holder dies.

        Raises:
            RunError: if another process holds it.
        """
        lock = FileLock(self.path / "run.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            holder = self.read_state().get("pid", "unknown")
            raise RunError(
                Problem(
                    "run-is-locked",
                    f"the run {self.path} is being written by another process, {holder}",
                    help="wait for it, or stop it first",
                )
            ) from None
        try:
            yield
        finally:
            lock.release()


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file that end as lines do, ends and all; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [line for line in file if line.endswith("\n")]


def now() -> str:
    """The time, to the second, with its offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


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

    Which run is the latest is told by the times in the folders' names, so that links may be lost or copied.

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


def environment(devices: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    """What a run was made with.

    Args:
        devices: as TensorFlow names them.
        settings: choices that the loop made by rule, such as XLA.
    """
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "python": sys.version.split()[0],
        "packages": versions,
        "devices": devices,
        "command": sys.argv,
        "git_commit": _git_commit(),
        "chosen": settings,
    }


def keep_config(folder: RunFolder, text: str) -> None:
    """Write the resolved configuration into the run."""
    write_text(folder.config, text)


def _point_latest(path: Path) -> None:
    """Let `latest`, beside the run, lead to it; replaced in one step."""
    aside = path.with_name(f".latest.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(path.name)
    aside.replace(path.with_name("latest"))


def _git_commit() -> str | None:
    """The commit of the repository that the working folder is in; None outside of one, and without git."""
    try:
        told = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() or None
