"""Streams: splits that are too large to hold, or that the user gives as tf.data, read from their start every epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import tensorflow as tf

from dlkit.config.problems import Key
from dlkit.config.schema.data import Data
from dlkit.data.contract import Feature, Stream, Tensors
from dlkit.data.sources.base import SourceData
from dlkit.data.splits import Piece, total


def make_stream(
    source: SourceData, pieces: Sequence[Piece], features: Mapping[Key, Feature], fields: Mapping[Key, str], data: Data
) -> Stream:
    """The stream of a split.

    Its order in an epoch follows from the seed and the epoch: that in which files are read, where the source has
    several, and that of a shuffle buffer of `data.shuffle_buffer` examples. TensorFlow mixes its own global seed in.

    Args:
        source: has `stream`.
        pieces: what the split consists of.
        features: shape and type of every input and target, by path of its settings.
        fields: its field in the source, by the same path.
        data: the size of the shuffle buffer.
    """
    assert source.stream is not None
    read = source.stream

    def example(row: Mapping[str, tf.Tensor]) -> tuple[Tensors, Tensors, Tensors]:
        values = {key: _cast(row[fields[key]], feature) for key, feature in features.items()}
        inputs = {feature.name: values[key] for key, feature in features.items() if key[1] == "inputs"}
        targets = {feature.name: values[key] for key, feature in features.items() if key[1] == "targets"}
        return inputs, targets, {}

    def make(seed: int, epoch: int) -> tf.data.Dataset:
        if epoch < 0:
            dataset = read(pieces, None)
        else:
            mixed = _mixed(seed, epoch)
            dataset = read(pieces, mixed).shuffle(data.shuffle_buffer, seed=mixed, reshuffle_each_iteration=False)
        return dataset.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    return Stream(make, total(pieces))


def _mixed(seed: int, epoch: int) -> int:
    """One seed from two, a non-negative int32."""
    return int.from_bytes(hashlib.sha256(f"{seed} {epoch}".encode()).digest()[:4]) >> 1


def _cast(value: tf.Tensor, feature: Feature) -> tf.Tensor:
    """A single example's value as the feature says. Labels outside the classes stop the stream with a message."""
    rank = len(feature.shape)
    if value.shape.rank is not None and value.shape.rank == rank - 1:
        value = value[..., tf.newaxis]
    elif rank == 0 and value.shape.rank == 1:
        value = tf.reshape(value, [])
    if feature.kind in ("category", "binary"):
        classes = 2 if feature.kind == "binary" else len(feature.classes)
        label = tf.cast(value, tf.int32)
        right = tf.logical_and(tf.logical_and(label >= 0, label < classes), tf.cast(label, value.dtype) == value)
        told = f"target {feature.name}: a label is outside 0..{classes - 1}, or no whole number:"
        with tf.control_dependencies([tf.debugging.Assert(right, [told, value])]):
            return tf.ensure_shape(tf.identity(label), ())
    return tf.ensure_shape(tf.cast(value, feature.dtype), feature.shape)
