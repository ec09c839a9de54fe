"""Small runs on a few hundred images of the bundled MNIST."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.bundled.reading import read_mnist
from dlkit.schema.loader import Loaded, from_mapping
from dlkit.training import run
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.interrupts import Interrupted
from dlkit.training.listeners import Listener

MLP = {"builder": "mlp", "dense": [16], "dropout": 0.2}
CNN = {"builder": "cnn", "blocks": [{"filters": 4, "pool_size": 4}], "dense": [8], "dropout": 0.2}
RNN = {"builder": "rnn", "units": [8], "dropout": 0.2}
XLA = {"runtime": {"compile": "xla"}}


def images(count: int, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Some training images of MNIST and their labels."""
    x, y = read_mnist("train")
    return x[start : start + count], y[start : start + count]


# A short last batch, a validation, a test and Adam are each one more program to compile, in a quarter to half a second.
# What is about short batches asks for them, and what is about none of the four trains SMALL on EVEN with SGD.
DATA = {"train": images(112), "validation": images(64, 112), "test": images(80, 176)}
UNEVEN = {"train": images(100), "validation": images(50, 100), "test": images(70, 150)}
EVEN = {"train": DATA["train"]}
VALIDATED = {name: DATA[name] for name in ("train", "validation")}
SMALL = {"builder": "mlp", "dense": [4], "dropout": 0.2}
SGD = {"optimizer": "sgd"}


def settings(model: dict[str, Any], training: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A configuration for `DATA` as a dictionary."""
    data = {
        "inputs": {"image": {"kind": "image", **more.pop("image", {})}},
        "targets": {"label": {"kind": "category", "classes": 10}},
        "batch_size": 16,
        **more.pop("data", {}),
    }
    # Graphs compile in a third of the time; the tests that are about XLA ask for it.
    runtime = {"compile": "graph", **more.pop("runtime", {})}
    # A picture of the first examples costs a sixth of such a run.
    training = {"epochs": 3, "first_batch": "off", **(training or {})}
    return {"name": "small", "data": data, "model": model, "training": training, "runtime": runtime, **more}


def load(config: dict[str, Any]) -> Loaded:
    """The configuration as the loop takes it."""
    return from_mapping(config, needs_source=False)


def train(config: dict[str, Any], folder: Path, *, data: Any = None, listener: Listener | None = None) -> dlkit.Run:
    """A finished run."""
    return dlkit.train(config, data=data or DATA, runs_folder=folder, listener=listener or Listener())


_FINISHED: dict[tuple[str, int], tempfile.TemporaryDirectory[str]] = {}


def finished(config: dict[str, Any], folder: Path, *, data: Any = DATA) -> dlkit.Run:
    """A finished run, which is trained for the first test that asks for it and copied for the others.

    Args:
        config: its configuration.
        folder: for the copy of its folder of runs.
        data: a constant of a module, kept as long as the tests run: a run is found again by its identity.
    """
    key = json.dumps(config, sort_keys=True), id(data)
    if key not in _FINISHED:
        _FINISHED[key] = tempfile.TemporaryDirectory(prefix="dlkit-finished-")
        train(config, Path(_FINISHED[key].name), data=data)
    shutil.copytree(_FINISHED[key].name, folder, symlinks=True, dirs_exist_ok=True)
    return dlkit.load_run("latest", folder, data=data)


_INTERRUPTED: dict[tuple[str, int, int], tempfile.TemporaryDirectory[str]] = {}


def interrupted(config: dict[str, Any], step: int, folder: Path, *, data: Any = DATA) -> Path:
    """The folder of a run that was interrupted at an update, trained once and copied as by `finished`.

    Chunks have to be single steps.
    """
    key = json.dumps(config, sort_keys=True), step, id(data)
    if key not in _INTERRUPTED:
        _INTERRUPTED[key] = tempfile.TemporaryDirectory(prefix="dlkit-interrupted-")
        with pytest.raises(Interrupted):
            train(config, Path(_INTERRUPTED[key].name), data=data, listener=InterruptAt(step))
    shutil.copytree(_INTERRUPTED[key].name, folder, symlinks=True, dirs_exist_ok=True)
    return (folder / config["name"] / "latest").resolve()


def state_digest(folder: Path) -> str:
    """SHA-256 over everything that a run's last checkpoint holds, and over its history."""
    newest = checkpoints.load(checkpoints.newest(folder / "checkpoints")[0])
    found = hashlib.sha256()
    for name, array in sorted(newest.arrays.items()):
        found.update(name.encode() + array.tobytes())
    found.update(repr(newest.progress).encode())
    found.update((folder / "history.csv").read_bytes())
    return found.hexdigest()


def resume(folder: Path, *, data: Any = None) -> None:
    """Go on with a run."""
    from dlkit.runs import RunFolder

    loaded = load_folder(folder)
    run.resume(loaded, RunFolder(folder), Listener(), data=data or DATA)


def load_folder(folder: Path) -> Loaded:
    """The configuration that a run keeps."""
    from dlkit.schema import loader

    return loader.load(folder / "config.yaml", needs_source=False)


class Notes(Listener):
    """Remembers what it was reported."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self.result: dict[str, Any] = {}

    def noted(self, kind: str, text: str) -> None:
        self.kinds.append(kind)

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        self.rows.append(row)

    def finished(self, result: dict[str, Any]) -> None:
        self.result = result


class InterruptAt(Listener):
    """Sends this process a signal once a number of updates have been made."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step, self.number, self.done = step, number, 0

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        self.done += 1
        if self.done == self.step:
            os.kill(os.getpid(), self.number)
