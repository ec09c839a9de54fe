"""One row of the throughput table, in a process of its own. Run as a program by throughput.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from networks import load_training
from session import Session

MATRIX = 2048


def peak(session: Session, name: str, batch: int, x: np.ndarray, y: np.ndarray) -> None:
    """A large float32 matrix product, for the best that the machine does; its `images` are its multiply-adds twice."""
    a, b = (tf.random.normal((MATRIX, MATRIX)) for _ in range(2))
    while True:
        _ = tf.linalg.matmul(a, b).numpy()
        session.epoch_ended(0.0, 1.0)


def main() -> None:
    """Train one row: its name, network, batch size, data file, images and seconds."""
    row, name, batch, path, images, seconds = sys.argv[1:]
    size = 2 * MATRIX**3 if row == "peak" else int(images)
    session = Session(size, float(seconds))
    x, y = load_training(Path(path), int(images))
    if row.startswith("dlkit"):
        import rows_dlkit

        rows = {
            "dlkit": rows_dlkit.default,
            "dlkit-cpu2": rows_dlkit.two_devices,
            "dlkit-free": rows_dlkit.not_deterministic,
        }
    else:
        import rows_fit
        import rows_loop

        keras.utils.set_random_seed(42)
        rows = {
            "peak": peak,
            "fit": rows_fit.plain,
            "fit-best": rows_fit.best,
            "loop": rows_loop.graph,
            "loop-xla": rows_loop.xla,
            "loop-parts": rows_loop.parts,
            "loop-replicas": rows_loop.replicas,
        }
    rows[row](session, name, int(batch), x, y)


if __name__ == "__main__":
    main()
