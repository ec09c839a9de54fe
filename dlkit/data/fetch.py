"""Examples by the numbers of their rows, within pipelines of tf.data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.config.problems import DlkitError
from dlkit.data.contract import Batch, Rows
from dlkit.elements import elements


class Fetch:
    """A function for graphs of TensorFlow, from numbers of rows to their examples.

    NumPy gathers them: from memory-mapped files that is several times as fast as TensorFlow's own gather.
    """

    def __init__(self, split: Rows) -> None:
        """Read one example, which has the types and shapes of all."""
        self._split = split
        self._first = split.read(np.zeros(1, np.int64))
        found = tf.nest.flatten(self._first)
        self._shapes = [x.shape[1:] for x in found]
        self._types = [tf.string if x.dtype.kind in "OSTU" else tf.as_dtype(x.dtype) for x in found]
        self._failed: DlkitError | None = None

    def __call__(self, rows: tf.Tensor) -> Batch:
        """A batch of the examples of these numbers, int64 of shape (n,)."""
        found = tf.numpy_function(self._read, [rows], self._types)
        for tensor, shape in zip(found, self._shapes, strict=True):
            tensor.set_shape([rows.shape[0], *shape])
        batch: Batch = tf.nest.pack_sequence_as(self._first, found)
        return batch

    def elements(self, dataset: tf.data.Dataset) -> Iterator[Any]:
        """The elements of a dataset that calls this function.

        Raises:
            DlkitError: if an example cannot be read, as its split reports it.
        """
        try:
            yield from elements(dataset)
        except tf.errors.OpError:
            if self._failed is not None:
                raise self._failed from None
            raise

    def _read(self, rows: np.ndarray) -> list[np.ndarray]:
        try:
            return [np.asarray(x) for x in tf.nest.flatten(self._split.read(rows))]
        except DlkitError as error:
            self._failed = error
            raise
