"""The host stage: what is done to each example before it is in a batch, as one function of arrays.

Whether its results are kept, and where, is decided in `dlkit.data.prepare`; the values are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.data.bound import Input
from dlkit.data.contract import Rows, Tensors, uneven
from dlkit.data.preprocessing import Layers, apply_layers

# Examples that one thread is given at a time: few where each has to be decoded, else as many as have these bytes.
PIECE_OF_DECODED, PIECE, PIECE_BYTES = 16, 8192, 2**22


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
        self._in_graph = all(
            inputs[name].settings.decodes_in_graph and None not in self.inputs[name].shape for name in decoded
        )
        self._decoding: dict[tuple[str, bool], Callable[[Any], Any]] = {}
        size = sum(bytes_of(bound) for bound in self.inputs.values())
        self._piece = PIECE_OF_DECODED if decoded else max(1, min(PIECE, PIECE_BYTES // max(1, size)))

    def of_arrays(self, inputs: Tensors) -> Tensors:
        """Its inputs, in arrays whose first axis counts the examples, after the stage."""
        return {name: self._apply(name, inputs[name]) for name in self.inputs}

    def of_rows(self, split: Rows, rows: np.ndarray) -> Tensors:
        """Its inputs of these rows of a split, after the stage; several threads share the work."""
        run = self._functions(split) if self._in_graph else {}

        def piece(some: np.ndarray) -> Tensors:
            if run:
                try:
                    made = {name: np.asarray(function(split.stored[name][some])) for name, function in run.items()}
                except tf.errors.OpError:
                    pass  # what `read` decodes next, naming what is wrong
                else:
                    held = self.inputs.keys() - made.keys()
                    return made | {name: self._apply(name, split.held.inputs[name][some]) for name in held}
            return self.of_arrays(split.read(some).inputs)

        pieces = [rows[i : i + self._piece] for i in range(0, len(rows), self._piece)] or [rows]
        found = list(_threads().map(piece, pieces)) if len(pieces) > 1 else [piece(rows)]
        return {name: np.concatenate([part[name] for part in found]) for name in self.inputs}

    def of_example(self, inputs: Tensors) -> Tensors:
        """All inputs of one example of a stream, in TensorFlow ops, after the stage."""
        one = {name: x[tf.newaxis] for name, x in inputs.items()}
        return {n: apply_layers(self._layers[n], x)[0] if n in self._layers else inputs[n] for n, x in one.items()}

    def _functions(self, split: Rows) -> dict[str, Callable[[Any], Any]]:
        """For each input that is decoded, what makes prepared examples of paths or contents of files."""
        found = {}
        for name in self._decoded:
            key = name, isinstance(next(iter(split.stored[name]), ""), str)
            if key not in self._decoding:
                self._decoding[key] = _of_files(self._layers.get(name, []), self._raw[name], self.inputs[name], key[1])
            found[name] = self._decoding[key]
        return found

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


def _of_files(layers: list[Any], bound: Input, after: Input, paths: bool) -> Callable[[Any], Any]:
    """The decoder of an input and its layers as one function of files, one after the other.

    Args:
        layers: of the input.
        bound: the input as it is decoded.
        after: the input as the layers leave it.
        paths: whether the function takes paths of files, rather than their contents.
    """

    def one(stored: Any) -> Any:
        raw = bound.settings.decode_in_graph(tf.io.read_file(stored) if paths else stored, bound.feature)
        return tf.convert_to_tensor(apply_layers(layers, raw[tf.newaxis]))[0]

    made = tf.TensorSpec(after.shape, after.dtype)
    run: Callable[[Any], Any] = tf.function(
        lambda stored: tf.map_fn(one, stored, fn_output_signature=made),
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
