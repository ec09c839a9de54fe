"""The contract between data and everything downstream: a `Spec`, and splits that are `Rows` or a `Stream`.

Examples travel as a `Batch`, keyed by the names of the configuration; every tensor has the batch as its first axis.
Values are as the host stage leaves them: uint8 images stay uint8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dlkit.data.bound import Spec
from dlkit.schema.source import BaseRows

Tensors = dict[str, Any]
# The epoch whose order is that of the source.
SOURCE_ORDER = -1
# Bytes: TensorFlow takes arrays over that begin at a multiple of it, and copies others.
_ALIGNED = 64


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
class Rows:
    """A split whose examples are read by their number.

    Attributes:
        held: whole columns, in memory or mapped from files: all labels and weights, the numbers of the rows, and the
            inputs that need nothing done to be read.
        make: int64 numbers of rows, shape (n,), to n examples of each other input, in NumPy arrays: those that are
            decoded or prepared whenever they are read. Examples of unequal shapes come as an array of objects. None
            where every input is held.
        ids: int64, shape (examples,): number of each row in its source, counted through all splits of that; None
            where rows are of no source.
        stored: what `make` decodes, by input: paths of files, or their contents; empty where it decodes nothing.
    """

    held: Batch
    make: Callable[[np.ndarray], Tensors] | None = None
    ids: np.ndarray | None = None
    stored: Tensors = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.held.rows)

    @property
    def arrays(self) -> Batch | None:
        """All examples, where every input is held."""
        return self.held if self.make is None else None

    def read(self, rows: np.ndarray) -> Batch:
        """The examples of these numbers, int64 of shape (n,), in NumPy arrays."""
        batch: Batch = tf.nest.map_structure(lambda x: gathered(x, rows), self.held)
        return batch if self.make is None else batch._replace(inputs={**batch.inputs, **self.make(rows)})


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


Split = Rows | Stream


@dataclass(frozen=True)
class Dropped:
    """Rows that were left out of a split.

    Attributes:
        split: train, validation or test.
        why: in words, such as "`age` is missing".
        count: how many.
        rows: the first of them, as messages name them.
    """

    split: str
    why: str
    count: int
    rows: tuple[str, ...]

    @property
    def note(self) -> str:
        """A line for the user."""
        rows = "row is" if self.count == 1 else "rows are"
        return f"{self.split}: {self.count:,} {rows} left out: {self.why}; the first is {self.rows[0]}"


@dataclass(frozen=True)
class Origin:
    """The source that rows are of.

    Attributes:
        name: as messages call it.
        fingerprint: what changes when its examples do.
        size: number of its rows, over all splits.
        base: where its rows cover base rows: of rows of these numbers, counted through all splits, those of each
            split: which of them they are, the base rows, and their numbers in that split; else None.
    """

    name: str
    fingerprint: str
    size: int
    base: Callable[[np.ndarray], list[tuple[np.ndarray, BaseRows, np.ndarray]]] | None = None


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
        origin: the source of the rows, where something identifies it.
        dropped: rows that cleaning left out.
        place: words for a row of the source, by its number in `ids`; None where the source has none.
        groups: groups of rows of these `ids`, numbers from 0, -1 for none, int64; None where nothing says them.
    """

    spec: Spec
    train: Split
    validation: Split | None = None
    test: Split | None = None
    notes: tuple[str, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None
    dropped: tuple[Dropped, ...] = ()
    place: Callable[[int], str] | None = None
    groups: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def by_name(self) -> dict[str, Split]:
        """The splits that there are: train, then validation and test."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in every.items() if split is not None}


def in_memory(inputs: Tensors, targets: Tensors, weights: Tensors | None = None) -> Rows:
    """A split over NumPy arrays whose first axes are equally long."""
    size = len(next(iter((inputs or targets).values())))
    return Rows(Batch(inputs, targets, weights or {}, np.arange(size)))


def gathered(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows of an array, int64 numbers of shape (n,) from 0 on, placed so that TensorFlow need not copy them."""
    if array.dtype.kind not in "biuf" or not array.flags.c_contiguous or not array.size:
        return np.asarray(array[rows])
    shape = (len(rows), *array.shape[1:])
    size = math.prod(shape) * array.dtype.itemsize
    room = np.empty(size + _ALIGNED, np.uint8)
    start = -room.ctypes.data % _ALIGNED
    found = room[start : start + size].view(array.dtype).reshape(shape)
    # The other modes are several times as fast as the one that raises, which fills a copy first.
    return np.take(array, rows, axis=0, out=found, mode="wrap")


def uneven(examples: Any) -> bool:
    """Whether this is an array of arrays: examples whose shapes differ."""
    return examples.dtype == object and len(examples) > 0 and isinstance(examples[0], np.ndarray)


def chosen(split: Rows, rows: np.ndarray) -> Rows:
    """Some examples of a split: those of these numbers, in this order."""
    inputs, targets, weights = tf.nest.map_structure(lambda x: x[rows], split.held[:3])
    make = split.make
    few = Batch(inputs, targets, weights, np.arange(len(rows)))
    ids = None if split.ids is None else split.ids[rows]
    stored = {name: x[rows] for name, x in split.stored.items()}
    return Rows(few, None if make is None else lambda numbers: make(rows[numbers]), ids, stored)
