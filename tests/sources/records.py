"""TFRecord files that tests write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dlkit.config.problems import DlkitError, Problem, RunError
from dlkit.schema.source import SourceData
from dlkit.sources.tfrecord import TfrecordSource

FEATURES = {
    "label": "int64",
    "words": "string",
    "vector": {"dtype": "float32", "shape": [3]},
    "steps": {"dtype": "float32", "shape": [None, 2]},
    "pixels": {"encoding": "raw", "dtype": "uint8", "shape": [2, 2, 1]},
}


def feature(values: Any) -> tf.train.Feature:
    """A feature of whole numbers, of floats or of bytes."""
    values = list(np.ravel(values)) if not isinstance(values, bytes | str) else [values]
    if not values:
        return tf.train.Feature()
    if isinstance(values[0], bytes | str):
        content = [value.encode() if isinstance(value, str) else value for value in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=content))
    if isinstance(values[0], np.integer | int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def example(**values: Any) -> bytes:
    held = {name: feature(value) for name, value in values.items()}
    content: bytes = tf.train.Example(features=tf.train.Features(feature=held)).SerializeToString()
    return content


def row(n: int, **changes: Any) -> bytes:
    """The record of this number."""
    steps = np.arange(2.0 * (1 + n % 4))
    values = {"label": n, "words": f"é {n}", "vector": [n, 0.5, -n / 2], "steps": steps, "pixels": bytes([n % 256] * 4)}
    return example(**values | changes)


def write(path: Path, records: Any) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def source(path: Any, features: Any = None, **more: Any) -> TfrecordSource:
    given = {split: str(p) for split, p in path.items()} if isinstance(path, dict) else str(path)
    return TfrecordSource.model_validate({"kind": "tfrecord", "path": given, "features": features or FEATURES, **more})


def columns(opened: SourceData, split: str = "train") -> dict[str, np.ndarray]:
    assert opened.arrays is not None
    return dict(opened.arrays(split))


def problem(settings: TfrecordSource, error: type[DlkitError] = RunError) -> Problem:
    with pytest.raises(error) as caught:
        settings.open(("*",))
    return caught.value.problems[0]
