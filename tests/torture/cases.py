"""The runs that are killed: three kinds of network, arrays and prepared data sets, both feeders, with real images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODELS = {
    "mlp": {"builder": "mlp", "dense": [16], "dropout": 0.2},
    "cnn": {"builder": "cnn", "blocks": [{"filters": 4, "pool_size": 4}], "dense": [8], "dropout": 0.2},
    "rnn": {"builder": "rnn", "units": [8], "dropout": 0.2},
}
# 150 examples in batches of 16 end every epoch with a short batch.
SIZES = {"train": (0, 150), "validation": (150, 200), "test": (200, 250)}


@dataclass(frozen=True)
class Case:
    """One kind of run.

    Attributes:
        model: key of `MODELS`.
        source: `npz`, or `tfds`, a prepared set on disk, or `stream`, the same set read as a stream.
        feed: `device` or `pipeline`.
    """

    model: str
    source: str
    feed: str

    def __str__(self) -> str:
        return f"{self.model} {self.source} {self.feed}"


CASES = [
    Case(model, source, feed)
    for model in MODELS
    for source, feed in (("npz", "device"), ("npz", "pipeline"), ("tfds", "device"), ("stream", "pipeline"))
]


def make_data(folder: Path) -> None:
    """Write `digits.npz` and the prepared set `digits` into a folder."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from dlkit.bundled.reading import read_mnist

    x, y = read_mnist("train")
    x = x[:, 6:22, 6:22]
    parts = {name: (x[a:b], y[a:b]) for name, (a, b) in SIZES.items()}
    arrays = {f"{field}_{name}": array for name, xy in parts.items() for field, array in zip("xy", xy, strict=True)}
    np.savez(folder / "digits.npz", **arrays)
    image, label = tfds.features.Image(shape=(16, 16, 1)), tfds.features.ClassLabel(num_classes=10)
    tfds.dataset_builders.store_as_tfds_dataset(
        name="digits",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"x": image, "y": label}),
        split_datasets={
            name: tf.data.Dataset.from_tensor_slices({"x": a, "y": b.astype("int64")}) for name, (a, b) in parts.items()
        },
        data_dir=str(folder / "tfds"),
    )


def settings(case: Case, data: Path, epochs: int) -> dict[str, Any]:
    """The configuration of a case."""
    npz = {"kind": "npz", "path": str(data / "digits.npz")}
    tfds = {"kind": "tfds", "name": "digits", "data_dir": str(data / "tfds"), "download": False}
    return {
        "name": "torture",
        "data": {
            "source": npz if case.source == "npz" else tfds,
            "splits": {name: name for name in SIZES},
            "inputs": {"image": {"kind": "image", "column": "x"}},
            "targets": {"label": {"kind": "category", "column": "y", "classes": 10}},
            "batch_size": 16,
            "feed": case.feed,
        },
        "model": MODELS[case.model],
        "training": {
            "epochs": epochs,
            "schedule": "cosine",
            "checkpoints": {"every_steps": 3, "keep_best": 2},
        },
        "runtime": {"compile": "xla" if case.model == "mlp" else "graph"},
    }


def prepare(case: Case) -> None:
    """What has to hold in the process of a run, for the first time and for every resume."""
    from dlkit.sources import _tfds_columns

    if case.source == "stream":
        _tfds_columns.MEMORY_LIMIT = 0


def digest(folder: Path) -> str:
    """SHA-256 over weights, optimizer, metrics and progress of the last checkpoint, the history and the test."""
    from dlkit.training.checkpoints import files as checkpoints

    newest = checkpoints.load(checkpoints.newest(folder / "checkpoints")[0])
    found = hashlib.sha256()
    for name, array in sorted(newest.arrays.items()):
        found.update(name.encode() + array.tobytes())
    found.update(repr(newest.progress).encode())
    for name in ("history.csv", "test.json"):
        found.update((folder / name).read_bytes())
    best = checkpoints.load(folder / "checkpoints" / "best")
    for name, array in sorted(best.arrays.items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()
