"""dlkit with everything it does by default: metrics, a bar on a terminal, a checkpoint an epoch, determinism.

The run is held by its listener between epochs, so that a measurement holds whole epochs with all that belongs to them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from session import Session

import dlkit
from dlkit.progress.terminal import TerminalProgress
from dlkit.training.listeners import Listener, Listeners

CONFIGS = Path(__file__).parent.parent / "configs"
# The configuration of each network, and what differs from it.
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": ("mnist_cnn", {}),
    "lstm": ("mnist_rnn", {}),
    "mlp": ("mnist_mlp", {"model.dropout": 0.0}),
    "mlp-dropout": ("mnist_mlp", {"model.dropout": 0.2}),
}


class EpochEnd(Listener):
    """Reports every epoch to the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        """Pass on loss and accuracy."""
        self._session.epoch_ended(row["loss"], row["accuracy"])


def default(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """As it comes."""
    _train(session, name, batch, x, y, {})


def two_devices(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """Two replicas, on two logical CPUs."""
    _train(session, name, batch, x, y, {"runtime.devices": "cpu:2"})


def not_deterministic(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """Without deterministic operations."""
    _train(session, name, batch, x, y, {"runtime.deterministic": False})


def _train(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray, more: dict[str, Any]) -> None:
    config, changes = NETWORKS[name]
    with tempfile.TemporaryDirectory() as runs, Path("/dev/null").open("w") as nowhere:
        screen = TerminalProgress(Console(file=nowhere, force_terminal=True, width=120, highlight=False))
        dlkit.train(
            CONFIGS / f"{config}.yaml",
            {
                "training.epochs": 10**6,
                "training.optimizer.learning_rate": 0.001,
                "training.schedule": "constant",
                "training.monitor": None,
                "data.splits": None,
                "data.batch_size": batch,
                "data.inputs.image.preprocess": [],
                "expects": {},
                **changes,
                **more,
            },
            data={"train": (x, y)},
            runs_folder=runs,
            listener=Listeners(screen, EpochEnd(session)),
        )
