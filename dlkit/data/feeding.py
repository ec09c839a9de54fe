"""Feeders: how the examples of a split reach the compiled step, in blocks of batches.

A block is what one call of the compiled function is given; inside the program `pick` takes batch number `i` out of it.
Small splits live on the device as whole arrays and a block is only the order of an epoch; everything else comes
through tf.data, some tens of megabytes at a time. Both give the same batches, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from dlkit import mapped
from dlkit.config.phrases import count
from dlkit.config.problems import Problem, RunError
from dlkit.data.bound import Spec
from dlkit.data.contract import SOURCE_ORDER, Batch, Rows, Split, Stream
from dlkit.data.fetch import Fetch
from dlkit.data.order import permutation
from dlkit.data.stream_sizes import ONE_SHOT, counted
from dlkit.elements import elements
from dlkit.schema.data import Data

BLOCK_BYTES = 32 * 2**20
# What a text takes in TensorFlow, without its letters.
TEXT_BYTES = 24


@dataclass(frozen=True)
class Block:
    """Some successive batches.

    Attributes:
        tensors: what the compiled function is given.
        first: number of the first batch within its epoch.
        steps: number of batches.
        examples: number of real examples, padding left out.
    """

    tensors: Any
    first: int
    steps: int
    examples: int


class Feeder(Protocol):
    """A source of blocks.

    Attributes:
        batch_size: examples in every batch but the last.
        size: examples in an epoch.
        steps: batches in an epoch, a short last one included.
    """

    batch_size: int
    size: int
    steps: int

    def blocks(self, seed: int, epoch: int, start: int = 0) -> Iterator[Block]:
        """The blocks of an epoch, from batch number `start` on."""
        ...

    def pick(self, tensors: Any, i: tf.Tensor) -> Batch:
        """Within the program: batch `i` of a block. In evaluation it has weights, 0 for the examples that pad it."""
        ...


def make_feeder(split: Split, spec: Spec, data: Data, *, training: bool, passes: int = 1) -> Feeder:
    """The feeder that the settings and the size of a split ask for.

    Args:
        split: the examples, after the host stage.
        spec: shapes and types, for the size of a batch.
        data: batch size, shuffling, and the rule of `feed`.
        training: shuffled, with a short last batch; else in the source's order, the last batch padded with examples
            of weight 0, so that every example counts once and all batches have one shape.
        passes: batches of `data.batch_size` that make one batch of the feeder in training.
    """
    size = bytes_of_example(split, spec)
    batch_size = passes * data.batch_size if training else evaluation_batch_size(data.batch_size, size)
    shuffle = training and data.shuffle
    if isinstance(split, Rows) and split.arrays is not None:
        fits = _nbytes(split) <= data.device_limit * 2**20 and not _stays_mapped(split)
        if data.feed == "device" or (data.feed == "auto" and fits):
            return DeviceFeeder(split, batch_size, shuffle=shuffle, pad=not training)
    return PipelineFeeder(split, batch_size, size, shuffle=shuffle, pad=not training)


def evaluation_batch_size(batch_size: int, bytes_per_example: int) -> int:
    """A batch of evaluation: larger than one of training, up to 1024 small examples or 4 MiB, since it costs no memory
    for gradients; never smaller."""
    return max(batch_size, min(1024, 4 * 2**20 // max(1, bytes_per_example)))


def bytes_of_example(split: Split, spec: Spec) -> int:
    """Bytes of one example's inputs as the host hands them over; where sizes vary, those of the split's first one."""
    if isinstance(split, Stream) and any(None in feature.shape for feature in spec.inputs.values()):
        for inputs, *_ in elements(split.make(0, SOURCE_ORDER).take(1)):
            return sum(x.shape.num_elements() * x.dtype.size for x in inputs.values())
    return example_bytes(spec)


def example_bytes(spec: Spec) -> int:
    """Bytes of one example's inputs as the host hands them over; sizes that vary count as 1."""
    sizes = {f.name: TEXT_BYTES if f.dtype == "string" else np.dtype(f.dtype).itemsize for f in spec.inputs.values()}
    return sum(int(np.prod([s or 1 for s in f.shape])) * sizes[f.name] for f in spec.inputs.values())


class DeviceFeeder:
    """Whole arrays on the device; batches are gathered there, inside the program."""

    def __init__(self, split: Rows, batch_size: int, *, shuffle: bool, pad: bool) -> None:
        assert split.arrays is not None
        self.batch_size, self.size = batch_size, split.size
        self.steps = -(-split.size // batch_size)
        self._shuffle, self._pad = shuffle, pad
        inputs, targets, weights, _ = split.arrays
        self._arrays = tf.nest.map_structure(tf.constant, (inputs, targets, weights))

    def blocks(self, seed: int, epoch: int, start: int = 0) -> Iterator[Block]:
        order = _order(self.size, seed, epoch if self._shuffle else SOURCE_ORDER).astype(np.int32)
        for first, rows in _batches(order, self.batch_size, pad=self._pad):
            if first + len(rows) > start:
                yield Block((self._arrays, tf.constant(rows)), first, len(rows), _count_real(rows))

    def pick(self, tensors: Any, i: tf.Tensor) -> Batch:
        arrays, table = tensors
        rows = tf.gather(table, i)
        indices = tf.maximum(rows, 0) if self._pad else rows
        inputs, targets, weights = tf.nest.map_structure(lambda x: tf.gather(x, indices), arrays)
        rows = tf.cast(rows, tf.int64)
        return Batch(inputs, targets, _padded(weights, targets, rows) if self._pad else weights, rows)


class PipelineFeeder:
    """Blocks made by tf.data: fetched in parallel, a whole block at once, and prefetched."""

    def __init__(self, split: Split, batch_size: int, bytes_per_example: int, *, shuffle: bool, pad: bool) -> None:
        self._split, self._shuffle, self._pad = split, shuffle, pad
        self.batch_size = batch_size
        known = counted(split) if isinstance(split, Stream) and split.size is None else split
        self.size = known.size or 0
        self.steps = -(-self.size // batch_size)
        self._block_steps = max(1, min(self.size // batch_size, BLOCK_BYTES // (bytes_per_example * batch_size)))

    def blocks(self, seed: int, epoch: int, start: int = 0) -> Iterator[Block]:
        if isinstance(self._split, Rows):
            return self._by_number(self._split, seed, epoch, start)
        return self._stream(self._split, seed, epoch, start)

    def _by_number(self, split: Rows, seed: int, epoch: int, start: int) -> Iterator[Block]:
        order = _order(self.size, seed, epoch if self._shuffle else SOURCE_ORDER)
        order = order.astype(np.int32) if self.size < 2**31 else order
        fetch = Fetch(split)
        for first, rows in _batches(order, self.batch_size, pad=self._pad):
            begin = max(0, start - first)
            if begin >= len(rows):
                continue
            # All blocks but the last are full; the last is filled up with its own first batch, which is never run.
            numbers = np.arange(begin, len(rows))
            k = min(self._block_steps, len(numbers))
            groups = np.resize(numbers, (-(-len(numbers) // k), k))
            fetched = (
                tf.data.Dataset.from_tensor_slices(rows[groups])
                .map(lambda r: _fetch_block(fetch, r), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
                .prefetch(2)
            )
            for n, block in enumerate(fetch.elements(fetched)):
                steps = min(k, len(numbers) - n * k)
                yield Block(block, first + begin + n * k, steps, _count_real(rows[groups[n]][:steps]))

    def _stream(self, split: Stream, seed: int, epoch: int, start: int) -> Iterator[Block]:
        k, b = self._block_steps, self.batch_size
        stream = split.make(seed, epoch if self._shuffle else SOURCE_ORDER).skip(start * b)
        first, came = start, min(start * b, self.size)
        for inputs, targets, weights in elements(stream.batch(k * b).prefetch(2)):
            n = int(next(iter(inputs.values())).shape[0])
            read = Batch(inputs, targets, weights, tf.range(came, came + n, dtype=tf.int64))
            came += n
            full, rest = divmod(n, b)
            if self._pad and rest:
                full, rest = full + 1, 0
            if full:
                examples = min(n, full * b)
                yield Block(_in_batches(_take(read, 0, examples), k, b), first, full, examples)
                first += full
            if rest:
                yield Block(_in_batches(_take(read, full * b, rest), 1, rest), first, 1, rest)
                first += 1
        if came != self.size:
            raise _another_size(came, self.size)

    def pick(self, tensors: Any, i: tf.Tensor) -> Batch:
        batch: Batch = tf.nest.map_structure(lambda x: tf.gather(x, i), tensors)
        return batch._replace(weights=_padded(batch.weights, batch.targets, batch.rows)) if self._pad else batch


def _padded(weights: dict[str, Any], targets: dict[str, Any], rows: tf.Tensor) -> dict[str, Any]:
    """Weights by target, 0 for padding; 1 for every real example where there were none."""
    real = tf.cast(rows >= 0, tf.float32)
    return {name: real * weights[name] if name in weights else real for name in targets}


def _another_size(came: int, size: int) -> RunError:
    """A split that gave fewer or more examples in an epoch than it had before, or than it promised."""
    if came < size:
        message = f"the data ended after {came:,} of {size:,} examples in this epoch"
    else:
        message = f"the data gave {count(came, 'example')} in this epoch, and {size:,} were expected"
    return RunError(Problem("data-ended", message, ("data",), help=ONE_SHOT))


def _order(size: int, seed: int, epoch: int) -> np.ndarray:
    return np.arange(size) if epoch == SOURCE_ORDER else permutation(seed, epoch, size)


def _batches(order: np.ndarray, batch_size: int, *, pad: bool) -> Iterator[tuple[int, np.ndarray]]:
    """An epoch's order as (number of the first batch, batches of row numbers).

    Padded with -1, it is one group of equal batches. Else the short last batch, if there is one, is a group of its own.
    """
    full, rest = divmod(len(order), batch_size)
    if pad:
        steps = full + bool(rest)
        rows = np.full(steps * batch_size, -1, order.dtype)
        rows[: len(order)] = order
        yield 0, rows.reshape(steps, batch_size)
        return
    if full:
        yield 0, order[: full * batch_size].reshape(full, batch_size)
    if rest:
        yield full, order[full * batch_size :].reshape(1, rest)


def _count_real(rows: np.ndarray) -> int:
    """How many row numbers are not padding."""
    return int((rows >= 0).sum())


def _fetch_block(fetch: Fetch, rows: tf.Tensor) -> Batch:
    """Examples by a table of row numbers (steps, batch), each tensor of shape (steps, batch, ...)."""
    steps, batch = rows.shape
    rows = tf.cast(rows, tf.int64)
    found = fetch(tf.reshape(tf.maximum(rows, 0), [-1]))
    return _in_batches(found, steps, batch)._replace(rows=rows)


def _in_batches(examples: Batch, steps: int, batch: int) -> Batch:
    """Examples in a row as (steps, batch, ...), filled up with zeros, and -1 as row number, where there are too few."""

    def shape(x: tf.Tensor, filling: int = 0) -> tf.Tensor:
        missing = steps * batch - (x.shape[0] if x.shape[0] is not None else steps * batch)
        if missing:
            x = tf.pad(x, [[0, missing]] + [[0, 0]] * (x.shape.rank - 1), constant_values=filling)
        return tf.reshape(x, [steps, batch, *x.shape[1:]])

    inputs, targets, weights = tf.nest.map_structure(shape, examples[:3])
    return Batch(inputs, targets, weights, shape(examples.rows, -1))


def _take(examples: Batch, begin: int, count: int) -> Batch:
    taken: Batch = tf.nest.map_structure(lambda x: x[begin : begin + count], examples)
    return taken


def _nbytes(split: Rows) -> int:
    return 0 if split.arrays is None else sum(x.nbytes for x in tf.nest.flatten(split.arrays[:3]))


def _stays_mapped(split: Rows) -> bool:
    """Whether much of a split is mapped from files, and its device is the CPU, whose memory they shall not fill."""
    held = tf.nest.flatten(split.held.inputs)
    large = sum(x.nbytes for x in held if mapped.is_mapped(x)) > mapped.LIMIT
    return large and not tf.config.list_physical_devices("GPU")
