"""The folder of a run: its layout, and what it records of the run while it goes on."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from dlkit.config.phrases import count
from dlkit.config.problems import Problem, RunError
from dlkit.files import append_text, clear_remains, write_json, write_text
from dlkit.runs import records
from dlkit.runs.records import whole_lines

T = TypeVar("T")


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
    def fitted(self) -> Path:
        """What was fitted on the training rows: classes, scales, vocabularies."""
        return self.path / "fitted" / "spec.json"

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
    def first_batch(self) -> Path:
        """A picture of the first examples, where an input makes one."""
        return self.path / "first_batch.png"

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
    def baselines(self) -> Path:
        """What simple models reach on the same examples."""
        return self.path / "baselines.json"

    @property
    def predictions(self) -> Path:
        """Labels and probabilities of the test split."""
        return self.path / "predictions" / "test.npz"

    def set_state(self, state: str, **more: Any) -> None:
        """Record how the run stands: running, finished, failed, interrupted."""
        write_json(self.state, {"state": state, "time": now(), "pid": os.getpid(), **more})

    def read_state(self) -> dict[str, Any]:
        """How the run stood when it was last recorded; empty where that cannot be read."""
        with contextlib.suppress(RunError):
            return records.read(self.state, records.State).model_dump(exclude_none=True)
        return {}

    def has_begun(self) -> bool:
        """Whether the run has recorded its start, so that it can be gone on with."""
        return self.environment.exists() or self.checkpoints.exists()

    def read_environment(self) -> dict[str, Any]:
        """What the run was made with; empty where there is no such record.

        Raises:
            RunError: if it was changed.
        """
        if not self.environment.exists():
            return {}
        return records.read(self.environment, records.Environment).model_dump(exclude_none=True)

    def read_execution(self, plan: type[T]) -> T:
        """What the loop chose by rule when the run began.

        Args:
            plan: the class of it, whose fields say what they may hold.

        Raises:
            RunError: if the run does not say.
        """
        return records.chosen(self.environment, plan)

    def read_test(self) -> dict[str, Any]:
        """Test loss and metrics by name, with `epoch` and `examples`; empty where there are none.

        Raises:
            RunError: if the file was changed.
        """
        return records.read(self.test, records.Figures).root if self.test.exists() else {}

    def event(self, kind: str, **more: Any) -> None:
        """Append one line to the events."""
        append_text(self.events, json.dumps({"time": now(), "kind": kind, **more}) + "\n")

    def read_events(self) -> list[dict[str, Any]]:
        """The events so far; a last line that a full disk cut short is left out.

        Raises:
            RunError: if the file was changed.
        """
        return records.events(self.events)

    def append_history(self, row: dict[str, Any]) -> None:
        """Append an epoch's row; the first one also writes the column names."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=list(row))
        if not self.history.exists() or not self.history.stat().st_size:
            writer.writeheader()
        writer.writerow(row)
        append_text(self.history, text.getvalue())

    def read_history(self) -> list[dict[str, Any]]:
        """The rows so far, whole ones alone; numbers as they were, whole ones as int, None for those that are empty.

        Raises:
            RunError: if the file was changed.
        """
        return records.history(self.history)

    def cut_records(self, epochs: int, events: int) -> None:
        """Drop what was recorded after a checkpoint, which a resumed run will write again.

        Args:
            epochs: rows of the history that stay.
            events: bytes of the events that stay.

        Raises:
            RunError: if there are fewer.
        """
        lines = whole_lines(self.history)
        if len(lines) <= epochs and epochs:
            there = count(max(0, len(lines) - 1), "epoch")
            raise RunError(
                Problem(
                    "damaged-run",
                    f"{self.history} has {there}, the checkpoint was made after {epochs}",
                    help="take the file from a copy, or start the run again",
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
        for folder in (self.path, self.checkpoints, self.fitted.parent, self.predictions.parent):
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


def now() -> str:
    """The time, to the second, with its offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def keep_config(folder: RunFolder, text: str) -> None:
    """Write the resolved configuration into the run."""
    write_text(folder.config, text)
