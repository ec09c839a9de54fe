"""The contract between data and everything downstream: a `Spec`, and splits that are `Indexed` or a `Stream`.

Examples travel as a `Batch`, keyed by the names of the configuration; every tensor has the batch as its first axis.
Values are as the host stage leaves them: uint8 images stay uint8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

Tensors = dict[str, Any]


class Batch(NamedTuple):
    """Examples: tensors of TensorFlow's or arrays of NumPy's, whose first axis counts the examples.

    Attributes:
        inputs: by name, as the host stage leaves them.
        targets: labels by name.
        weights: by target, float32, shape (batch,); empty where every example counts once.
        rows: int64, shape (batch,): number of each example in its split, -1 for padding; for a stream, its number in
            the order in which it was read.
    """

    inputs: Tensors
    targets: Tensors
    weights: Tensors
    rows: Any


@dataclass(frozen=True)
class Feature:
    """One input or target.

    Attributes:
        name: as in the configuration.
        kind: image, number, sequence; category, binary, number for targets.
        shape: of one example, without the batch; None for a size that varies.
        dtype: NumPy name of the type in which examples arrive.
        classes: names of the classes, in order of their integers; empty where there are none.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    dtype: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spec:
    """What a model has to know of the data.

    Attributes:
        inputs: features that the model sees, by name.
        targets: features that it predicts, by name.
        sizes: number of examples by split (train, validation, test); None where unknown.
    """

    inputs: Mapping[str, Feature]
    targets: Mapping[str, Feature]
    sizes: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Indexed:
    """A split whose examples can be fetched by number.

    Attributes:
        size: number of examples.
        fetch: int64 indices of shape (n,) to a batch of n examples, in TensorFlow ops.
        arrays: all examples as NumPy arrays, where they are held in memory.
    """

    size: int
    fetch: Callable[[tf.Tensor], Batch]
    arrays: Batch | None = None


@dataclass(frozen=True)
class Stream:
    """A split that can only be read from its start.

    Attributes:
        make: (seed, epoch) to a dataset of single examples, (inputs, targets, weights); the same pair gives the same
            order. A negative epoch asks for the source's own order, unshuffled.
        size: number of examples, None where unknown.
    """

    make: Callable[[int, int], tf.data.Dataset]
    size: int | None = None


Split = Indexed | Stream


@dataclass(frozen=True)
class Splits:
    """The data of a run.

    Attributes:
        spec: names, kinds, shapes, types and classes.
        train: examples the weights are fitted on.
        validation: examples that choose the best epoch, or None.
        test: examples that are used once, at the end, or None.
        notes: lines to show the user, such as which copy of a data set was used.
        fingerprint: SHA-256 of the examples by split, or of what stands for them.
    """

    spec: Spec
    train: Split
    validation: Split | None = None
    test: Split | None = None
    notes: tuple[str, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)


def in_memory(inputs: Tensors, targets: Tensors, weights: Tensors | None = None) -> Indexed:
    """An `Indexed` split over NumPy arrays whose first axes are equally long."""
    size = len(next(iter(inputs.values())))
    arrays = Batch(inputs, targets, weights or {}, np.arange(size))

    @cache
    def tensors() -> Batch:
        # Made once, outside of any graph: an array used inside one would be copied into it.
        with tf.init_scope():
            held: Batch = tf.nest.map_structure(tf.constant, arrays)
            return held

    def fetch(indices: tf.Tensor) -> Batch:
        found: Batch = tf.nest.map_structure(lambda x: tf.gather(x, indices), tensors())
        return found

    return Indexed(size, fetch, arrays)
