"""The runs that are killed: three kinds of network, both feeders, and real images.

They come as arrays, prepared sets, streams, tables, files that go through the store, and sequences of unequal lengths.
"""

from __future__ import annotations

import csv
import hashlib
import os
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
        source: `npz`; `tfds`, a prepared set on disk; `stream`, the same set read as a stream; `csv`, a table of
            numbers and words; `folder`, image files of several sizes; `ragged`, rows of images down to the last ink.
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
] + [
    Case(model, source, feed)
    for model, source in (("mlp", "csv"), ("cnn", "folder"), ("rnn", "ragged"))
    for feed in ("device", "pipeline")
]


def make_data(folder: Path, sources: set[str]) -> None:
    """Write the same digits into a folder as these sources read them.

    They are arrays; a prepared set; and tables, images and sequences.
    """
    import numpy as np

    from dlkit.bundled.reading import read_mnist

    x, y = read_mnist("train")
    x = x[:, 6:22, 6:22]
    parts = {name: (x[a:b], y[a:b]) for name, (a, b) in SIZES.items()}
    arrays = {f"{field}_{name}": array for name, xy in parts.items() for field, array in zip("xy", xy, strict=True)}
    np.savez(folder / "digits.npz", **arrays)
    if sources & {"tfds", "stream"}:
        _prepare_set(folder, parts)
    if sources & {"csv", "folder", "ragged"}:
        _make_tables_and_files(folder, parts)


def _prepare_set(folder: Path, parts: dict[str, Any]) -> None:
    import tensorflow as tf
    import tensorflow_datasets as tfds

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


def _make_tables_and_files(folder: Path, parts: dict[str, Any]) -> None:
    import numpy as np
    from PIL import Image

    ragged = {}
    for name, (images, labels) in parts.items():
        inked = images.reshape(len(images), 16, 16).sum(axis=2)
        first, last = (inked > 0).argmax(axis=1), 15 - (inked[:, ::-1] > 0).argmax(axis=1)
        with (folder / f"{name}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow([*(f"row_{n}" for n in range(16)), "begins", "digit"])
            table.writerows(
                [*row, f"row {top}", label] for row, top, label in zip(inked.tolist(), first, labels, strict=True)
            )
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            path = folder / "folder" / name / str(label) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            side = 16 + number % 5
            Image.fromarray(image.reshape(16, 16)).resize((side, side)).save(path)
        steps = np.where(np.arange(16)[:, None] <= last[:, None, None], images.reshape(-1, 16, 16) / 255, np.nan)
        ragged |= {f"x_{name}": steps.astype("float32"), f"y_{name}": labels}
    np.savez(folder / "ragged.npz", **ragged)


def settings(case: Case, data: Path, epochs: int) -> dict[str, Any]:
    """The configuration of a case."""
    return {
        "name": "torture",
        "data": {**_data(case, data), "batch_size": 16, "feed": case.feed},
        "model": MODELS[case.model],
        "training": {
            "epochs": epochs,
            "schedule": "cosine",
            "checkpoints": {"every_steps": 3, "keep_best": 2},
        },
        "runtime": {"compile": "xla" if case.model == "mlp" else "graph"},
    }


def _data(case: Case, data: Path) -> dict[str, Any]:
    """Source, inputs and targets of a case."""
    label = {"kind": "category", "column": "y", "classes": 10}
    if case.source == "csv":
        numbers, words = {"kind": "number", "columns": "row_*"}, {"kind": "category", "column": "begins"}
        source = {"kind": "csv", "path": {name: str(data / f"{name}.csv") for name in SIZES}}
        inputs, target = {"numbers": numbers, "words": words}, {"kind": "category", "column": "digit"}
        return {"source": source, "inputs": inputs, "targets": {"label": target}}
    if case.source == "folder":
        image = {"kind": "image", "preprocess": [{"resize": {"height": 16, "width": 16}}, "rescale"]}
        source = {"kind": "image_folder", "path": str(data / "folder")}
        return {
            "source": source,
            "inputs": {"image": image},
            "targets": {"label": {"kind": "category"}},
            "cache": "disk",
        }
    if case.source == "ragged":
        sequence = {"kind": "sequence", "column": "x", "length": 16}
        source = {"kind": "npz", "path": str(data / "ragged.npz")}
        return {"source": source, "inputs": {"rows": sequence}, "targets": {"label": label}}
    npz = {"kind": "npz", "path": str(data / "digits.npz")}
    tfds = {"kind": "tfds", "name": "digits", "data_dir": str(data / "tfds"), "download": False}
    return {
        "source": npz if case.source == "npz" else tfds,
        "splits": {name: name for name in SIZES},
        "inputs": {"image": {"kind": "image", "column": "x"}},
        "targets": {"label": label},
    }


def prepare(case: Case, place: Path) -> None:
    """What has to hold in the process of a run, for the first time and for every resume.

    Args:
        case: the kind of run.
        place: the folder of its runs, where its store lies too: each run makes its own.
    """
    from dlkit.sources import _tfds_columns

    os.environ["DLKIT_CACHE"] = str(place / "store")
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
