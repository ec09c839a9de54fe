"""Streams: splits that are too large to hold, or that the user gives as tf.data, read from their start every epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from dlkit.data import weights as weights_of
from dlkit.data.bound import Input, Spec, Target
from dlkit.data.choose import Pieces
from dlkit.data.columns import joined_example
from dlkit.data.contract import Stream, Tensors
from dlkit.data.splits import total
from dlkit.schema.data import Data
from dlkit.schema.source import Piece, SourceData


def make_streams(source: SourceData, chosen: Pieces, spec: Spec, data: Data) -> dict[str, Stream]:
    """The splits of a source that is read from its start; see `make_stream`."""
    return {split: make_stream(source, pieces, spec, data) for split, pieces in chosen.items()}


def stream_fingerprints(source: SourceData, chosen: Pieces) -> dict[str, str]:
    """What stands for the examples of each split: the source's name and columns, and which are chosen."""
    fields = sorted(source.fields.items())
    return {
        split: hashlib.sha256(f"{source.name} {pieces} {fields}".encode()).hexdigest()
        for split, pieces in chosen.items()
    }


def make_stream(source: SourceData, pieces: Sequence[Piece], spec: Spec, data: Data) -> Stream:
    """The stream of a split.

    Its order in an epoch follows from the seed and the epoch: that in which files are read, where the source has
    several, and that of a shuffle buffer of `data.shuffle_buffer` examples. TensorFlow mixes its own global seed in.

    Args:
        source: has `stream`.
        pieces: what the split consists of.
        spec: inputs and targets with their columns.
        data: the size of the shuffle buffer, and the column of weights.
    """
    assert source.stream is not None
    read = source.stream

    def value(row: Mapping[str, tf.Tensor], bound: Input | Target) -> tf.Tensor:
        found = joined_example([row[column] for column in bound.columns])
        return decoded(found, bound) if source.fields[bound.columns[0]].encoding else found

    def example(row: Mapping[str, tf.Tensor]) -> tuple[Tensors, Tensors, Tensors]:
        inputs = {name: i.settings.example(value(row, i), i.feature) for name, i in spec.inputs.items()}
        targets = {name: t.settings.encode_example(value(row, t), t) for name, t in spec.targets.items()}
        weights = {} if data.weights is None else dict.fromkeys(targets, weights_of.of_example(row[data.weights]))
        return inputs, targets, weights

    def make(seed: int, epoch: int) -> tf.data.Dataset:
        if epoch < 0:
            dataset = read(pieces, None)
        else:
            mixed = _mixed(seed, epoch)
            dataset = read(pieces, mixed).shuffle(data.shuffle_buffer, seed=mixed, reshuffle_each_iteration=False)
        return dataset.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    return Stream(make, total(pieces))


def decoded(stored: tf.Tensor, bound: Any) -> tf.Tensor:
    """One example of an encoded column in its raw form: a file's content, decoded by the kind of its input."""
    found: tf.Tensor = bound.settings.decode_in_graph(stored, bound.feature)
    return found


def _mixed(seed: int, epoch: int) -> int:
    """One seed from two, a non-negative int32."""
    return int.from_bytes(hashlib.sha256(f"{seed} {epoch}".encode()).digest()[:4]) >> 1
