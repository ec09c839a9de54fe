"""The host stage: what is done to each example before it is in a batch, as one function of arrays.

Whether its results are kept, and where, is decided in `dlkit.data.prepare`; the values are the same.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.data.bound import Input
from dlkit.data.contract import Rows, Tensors, uneven
from dlkit.data.preprocessing import Layers, apply_layers

# Examples that one thread is given at a time: as many as have these bytes; fewer files; and few of those that Python
# decodes, since large images are held whole.
PIECE, PIECE_BYTES, PIECE_OF_FILES, PIECE_OF_DECODED = 8192, 2**22, 64, 16


class HostStage:
    """The host stage of some inputs.

    Attributes:
        inputs: those that it changes, as it leaves them, by name.
    """

    def __init__(self, host: Layers, inputs: Mapping[str, Input], decoded: set[str]) -> None:
        """Make a function of the layers of each input.

        Args:
            host: layers by input.
            inputs: as the source gives them.
            decoded: names of inputs that are decoded when they are read.
        """
        self.inputs = {n: _prepared(host[n], bound) for n, bound in inputs.items() if host[n] or n in decoded}
        self._layers = {name: host[name] for name in self.inputs if host[name]}
        # Compiled once for any number and size of examples. Others come many at a time, and as NumPy's arrays, which
        # lookups of text are much faster on.
        self._alone = {n for n in self._layers if any(step.example for step in inputs[n].settings.preprocess)}
        compiled = self._layers.keys() & (decoded | self._alone)
        self._compiled = {name: _function(host[name], inputs[name]) for name in compiled}
        self._raw, self._decoded = inputs, decoded
        has_plain = all(
            inputs[n].settings.has_plain(inputs[n].feature) and None not in self.inputs[n].shape for n in decoded
        )
        plain = decoded if has_plain else ()
        self._decoding = {n: _of_plain(self._layers.get(n, []), inputs[n], self.inputs[n]) for n in plain}
        size = sum(bytes_of(bound) for bound in self.inputs.values())
        self._piece = max(1, min(PIECE, PIECE_BYTES // max(1, size)))
        if decoded:
            self._piece = PIECE_OF_FILES if self._decoding else PIECE_OF_DECODED

    def of_arrays(self, inputs: Tensors) -> Tensors:
        """Its inputs, in arrays whose first axis counts the examples, after the stage."""
        return {name: self._apply(name, inputs[name]) for name in self.inputs}

    def of_rows(self, split: Rows, rows: np.ndarray) -> Tensors:
        """Its inputs of these rows of a split, after the stage; several threads share the work."""
        if len(rows) <= self._piece:
            return self._of_piece(split, rows)
        ((_, found),) = self.of_parts(split, rows, len(rows))
        return found

    def of_parts(self, split: Rows, rows: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, Tensors]]:
        """As `of_rows`, so many rows at a time, with these; threads go on with the next while some are used."""
        begun: deque[tuple[np.ndarray, list[Future[Tensors]]]] = deque()
        try:
            for start in range(0, len(rows), count):
                part = rows[start : start + count]
                pieces = [part[i : i + self._piece] for i in range(0, len(part), self._piece)]
                begun.append((part, [_threads().submit(self._of_piece, split, piece) for piece in pieces]))
                if len(begun) > 1:
                    yield begun[0][0], self._joined(piece.result() for piece in begun[0][1])
                    begun.popleft()
            for part, work in begun:
                yield part, self._joined(piece.result() for piece in work)
        finally:
            for _, work in begun:
                for piece in work:
                    piece.cancel()

    def of_example(self, inputs: Tensors) -> Tensors:
        """All inputs of one example of a stream, in TensorFlow ops, after the stage."""
        one = {name: x[tf.newaxis] for name, x in inputs.items()}
        return {n: apply_layers(self._layers[n], x)[0] if n in self._layers else inputs[n] for n, x in one.items()}

    def _of_piece(self, split: Rows, rows: np.ndarray) -> Tensors:
        """As `of_rows`, in this thread: plain files are decoded in TensorFlow ops, others in Python."""
        if not self._decoding:
            return self._in_python(split, rows)
        found: list[Tensors] = []
        start = 0
        while start < len(rows) or not found:
            contents = self._contents(split, rows[start:])
            found.append(self._of_contents(split, rows[start : start + len(contents)], contents))
            start += len(contents)
        return self._joined(found)

    def _contents(self, split: Rows, rows: np.ndarray) -> list[dict[str, bytes] | None]:
        """For each of the first rows, the contents of its files by input; None where they are not all plain."""
        found: list[dict[str, bytes] | None] = []
        size = 0
        for row in rows:
            own = {}
            for name in self._decoding:
                content = self._raw[name].settings.plain(split.stored[name][row], self._raw[name].feature)
                if content is None:
                    break
                own[name] = content
                size += len(content)
            found.append(own if len(own) == len(self._decoding) else None)
            if size >= PIECE_BYTES:
                break
        return found

    def _of_contents(self, split: Rows, rows: np.ndarray, contents: list[dict[str, bytes] | None]) -> Tensors:
        """Its inputs of rows whose plain files were read."""
        few = [own for own in contents if own is not None]
        if rows.size and not few:
            return self._in_python(split, rows)
        try:
            made = {
                name: np.asarray(run(tf.constant([own[name] for own in few], tf.string, (len(few),))))
                for name, run in self._decoding.items()
            }
        except tf.errors.OpError:
            return self._in_python(split, rows)  # which names the file, and says what is wrong with it
        plain = np.array([own is not None for own in contents], bool)
        held = self.inputs.keys() - made.keys()
        made |= {name: self._apply(name, split.held.inputs[name][rows[plain]]) for name in held}
        if plain.all():
            return made
        both = self._joined([made, self._in_python(split, rows[~plain])])
        order = np.argsort(~plain, kind="stable").argsort()
        return {name: x[order] for name, x in both.items()}

    def _in_python(self, split: Rows, rows: np.ndarray) -> Tensors:
        """Its inputs of these rows, read as everything else reads them; few files at a time."""
        count = PIECE_OF_DECODED if split.stored else max(1, len(rows))
        pieces = [rows[i : i + count] for i in range(0, len(rows), count)] or [rows]
        return self._joined(self.of_arrays(split.read(some).inputs) for some in pieces)

    def _joined(self, pieces: Iterable[Tensors]) -> Tensors:
        """Examples of several pieces in a row."""
        found = list(pieces)
        return {name: np.concatenate([x[name] for x in found]) for name in self.inputs} if len(found) > 1 else found[0]

    def _apply(self, name: str, values: np.ndarray) -> np.ndarray:
        if name not in self._layers:
            return np.asarray(values)
        run = self._compiled.get(name, partial(apply_layers, self._layers[name]))
        if name in self._alone or uneven(values):
            return np.concatenate([np.asarray(run(x[np.newaxis])) for x in values])
        return np.asarray(run(values))


def _function(layers: list[Any], bound: Input) -> Callable[[Any], Any]:
    """The layers of an input as one function that TensorFlow compiles once, for any number and sizes of examples."""
    run: Callable[[Any], Any] = tf.function(
        lambda x: tf.convert_to_tensor(apply_layers(layers, x)),
        input_signature=[tf.TensorSpec((None, *bound.shape), bound.dtype)],
        autograph=False,
    )
    return run


def _of_plain(layers: list[Any], bound: Input, after: Input) -> Callable[[Any], Any]:
    """The decoder of an input and its layers as one function of the contents of plain files, one after the other.

    Args:
        layers: of the input.
        bound: the input as it is decoded.
        after: the input as the layers leave it.
    """

    def one(content: Any) -> Any:
        raw = bound.settings.decode_plain(content, bound.feature)
        return tf.convert_to_tensor(apply_layers(layers, raw[tf.newaxis]))[0]

    made = tf.TensorSpec(after.shape, after.dtype)
    run: Callable[[Any], Any] = tf.function(
        lambda contents: tf.map_fn(one, contents, fn_output_signature=made),
        input_signature=[tf.TensorSpec((None,), tf.string)],
        autograph=False,
    )
    return run


def _prepared(layers: list[Any], bound: Input) -> Input:
    """An input as the host stage leaves it."""
    if not layers:
        return bound
    after = apply_layers(layers, keras.KerasTensor((None, *bound.shape), bound.dtype))
    dtype = keras.backend.standardize_dtype(after.dtype)
    return replace(bound, feature=replace(bound.feature, shape=tuple(after.shape[1:]), dtype=dtype))


def bytes_of(bound: Input) -> int:
    """Bytes of one example of an input; a size that varies counts as 1."""
    return int(np.prod([size or 1 for size in bound.shape], dtype=np.int64) * np.dtype(bound.dtype).itemsize)


@cache
def _threads() -> ThreadPoolExecutor:
    """One thread for each processor that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ThreadPoolExecutor(count, thread_name_prefix="host-stage")
