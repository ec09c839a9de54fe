"""A source of each kind, as the tests of all sources make it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import soundfile
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

ROWS = 40
IMAGES = np.random.default_rng(0).integers(0, 256, (ROWS, 5, 4, 3)).astype("uint8")
LABELS = np.arange(ROWS) % 3


def npz(folder: Path) -> dict[str, Any]:
    np.savez(folder / "made.npz", image_train=IMAGES, label_train=LABELS, other_train=LABELS, image_test=IMAGES[:9],
             label_test=LABELS[:9], other_test=LABELS[:9])  # fmt: skip
    return {"path": str(folder / "made.npz")}


def prepared(folder: Path) -> dict[str, Any]:
    def rows(count: int) -> list[Any]:
        return [(n, {"image": IMAGES[n], "label": int(LABELS[n]), "other": int(LABELS[n])}) for n in range(count)]

    label = tfds.features.ClassLabel(names=["a", "b", "c"])
    tfds.dataset_builders.store_as_tfds_dataset(
        name="made",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {"image": tfds.features.Image(shape=(5, 4, 3)), "label": label, "other": np.int64}
        ),
        split_datasets={"train": rows(ROWS), "test": rows(9)},
        data_dir=folder,
    )
    return {"name": "made", "data_dir": str(folder)}


def image_folder(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for n in range(count):
            (folder / split / "abc"[LABELS[n]]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(IMAGES[n]).save(folder / split / "abc"[LABELS[n]] / f"{n}.png")
    return {"path": str(folder)}


def table() -> dict[str, list[int]]:
    """A number and a class, and a column that nobody reads."""
    return {"image": IMAGES[:, 0, 0, 0].tolist(), "label": LABELS.tolist(), "other": LABELS.tolist()}


def text_files(folder: Path) -> dict[str, Any]:
    for name, rows in {"train": ROWS, "test": 9}.items():
        lines = [
            ",".join(table()),
            *(",".join(map(str, row)) for row in list(zip(*table().values(), strict=True))[:rows]),
        ]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return {"path": {split: str(folder / f"{split}.csv") for split in ("train", "test")}}


def parquet_files(folder: Path) -> dict[str, Any]:
    for name, rows in {"train": ROWS, "test": 9}.items():
        made = pyarrow.table(table()).slice(0, rows)
        pyarrow.parquet.write_table(made, folder / f"{name}.parquet", write_page_checksum=True)
    return {"path": {split: str(folder / f"{split}.parquet") for split in ("train", "test")}}


def bundled(folder: Path) -> dict[str, Any]:
    return {"name": "mnist"}


def series(folder: Path) -> dict[str, Any]:
    rows = "".join(f"{row},{value:.3f}\n" for row, value in enumerate(np.sin(np.arange(60))))
    (folder / "made.csv").write_text(f"time,value\n{rows}", encoding="utf-8")
    return {"path": str(folder / "made.csv"), "time": "time", "targets": "value", "past": 5, "horizon": 2}


def utterances(folder: Path) -> dict[str, Any]:
    header = "@dimensions 2\n@classLabel true a b c\n@data\n"
    for split, rows in (("train", ROWS), ("test", 9)):
        lines = []
        for row in range(rows):
            steps = np.arange(3 + row % 4)
            channels = (",".join(f"{value:.3f}" for value in f(steps + row)) for f in (np.sin, np.cos))
            lines.append(":".join([*channels, "abc"[row % 3]]))
        (folder / f"{split}.ts").write_text(header + "\n".join(lines), encoding="utf-8")
    return {split: str(folder / f"{split}.ts") for split in ("train", "test")}


def function(folder: Path) -> dict[str, Any]:
    (folder / "made_data.py").write_text(
        "import numpy\ndef make(path):\n    held = numpy.load(path)\n"
        "    return {split: {name: held[f'{name}_{split}'] for name in ('image', 'label', 'other')}\n"
        "            for split in ('train', 'test')}\n"
    )
    return {"function": f"{folder / 'made_data.py'}:make", "arguments": npz(folder)}


def of_sklearn(folder: Path) -> dict[str, Any]:
    return {"name": "digits"}


def audio_folder(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for n in range(count):
            path = folder / "sounds" / split / "abc"[LABELS[n]] / f"{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.sin(np.arange(400) * (n + 1) / 40), 1000)
    return {"path": str(folder / "sounds")}


def text_folder(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for number in range(count):
            path = folder / "texts" / split / "abc"[LABELS[number]] / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"the text of number {number} in {split}", encoding="utf-8")
    return {"path": str(folder / "texts")}


def records(folder: Path) -> dict[str, Any]:
    def feature(**values: Any) -> Any:
        return tf.train.Feature(**values)

    for split, count in (("train", ROWS), ("test", 9)):
        with tf.io.TFRecordWriter(str(folder / f"{split}.tfrecord")) as writer:
            for n in range(count):
                whole = tf.train.Int64List(value=[LABELS[n]])
                held = {
                    "image": feature(bytes_list=tf.train.BytesList(value=[IMAGES[n].tobytes()])),
                    **dict.fromkeys(("label", "other"), feature(int64_list=whole)),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=held)).SerializeToString())
    stated = {"image": {"encoding": "raw", "dtype": "uint8", "shape": [5, 4, 3]}, "label": "int64", "other": "int64"}
    return {"path": {split: str(folder / f"{split}.tfrecord") for split in ("train", "test")}, "features": stated}


def npy(folder: Path) -> dict[str, Any]:
    for split, count in (("train", ROWS), ("test", 9)):
        for name, values in (("image", IMAGES), ("label", LABELS), ("other", LABELS)):
            np.save(folder / f"{name}_{split}.npy", values[:count])
    return {"path": str(folder)}


# How a source of each kind is made, and which of its files can be damaged; none where it ships with dlkit, or where any
# content is right.
SOURCE: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "audio_folder": (audio_folder, "sounds/train/a/0.wav"),
    "bundled": (bundled, ""),
    "csv": (text_files, "train.csv"),
    "image_folder": (image_folder, "train/a/0.png"),
    "npy": (npy, "image_train.npy"),
    "npz": (npz, "made.npz"),
    "parquet": (parquet_files, "train.parquet"),
    "python": (function, ""),
    "sklearn": (of_sklearn, ""),
    "text_folder": (text_folder, ""),
    "tfrecord": (records, "train.tfrecord"),
    "tfds": (prepared, "made/1.0.0/*train*"),
    "timeseries": (series, "made.csv"),
    "ts": (utterances, "train.ts"),
}
# The column that is seen, the one that is predicted, and their kinds, where they are not an image and its class.
COLUMNS: dict[str, tuple[str, str, str, str]] = {
    "audio_folder": ("audio", "audio", "label", "category"),
    "csv": ("image", "number", "label", "category"),
    # Classes are only known when rows are read.
    "npy": ("image", "image", "label", "number"),
    "parquet": ("image", "number", "label", "number"),
    "sklearn": ("image", "image", "target", "category"),
    "text_folder": ("text", "text", "label", "category"),
    "tfrecord": ("image", "image", "label", "number"),
    "timeseries": ("past", "sequence", "future", "forecast"),
    "ts": ("x", "sequence", "label", "category"),
}
# The same slice of sources without a split `test`.
WITHOUT_TEST: dict[str, Callable[[int], str]] = {
    "sklearn": lambda count: f"train[-{count}:]",
    "timeseries": lambda count: f"train[{ROWS + 5}:{ROWS + 5 + count}]",
}
