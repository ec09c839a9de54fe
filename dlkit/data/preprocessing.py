"""Preprocessing as Keras layers, in two stages, and the random layers that augment training batches.

The host stage ends with the last step that has to be done before examples are batched (`resize`): it runs in tf.data,
or once over arrays in memory. The device stage, all that follows, runs inside the compiled step. The saved model chains
both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.problems import Key, Problem, RunError
from dlkit.data.augment import make_random_layer
from dlkit.data.bound import Input
from dlkit.data.contract import Batch, Indexed, Split, Splits, Stream, Tensors, in_memory
from dlkit.data.values import RowPlace
from dlkit.elements import elements
from dlkit.schema.features import Encoding
from dlkit.schema.source import Piece
from dlkit.schema.step import StepSettings, UnfitError

# Keras layers, or other functions of one tensor that are made of Keras ops.
Layers = dict[str, list[Any]]
BATCH = 1024


@dataclass(frozen=True)
class Preprocessing:
    """The layers of every input, by its name.

    Attributes:
        host: layers of the host stage, in order.
        device: layers of the device stage, in order.
        augment: random layers, applied after the device stage in training alone.
        encodings: what the network sees.
    """

    host: Layers
    device: Layers
    augment: Layers
    encodings: Mapping[str, Encoding]

    def for_network(self, name: str, x: Any) -> Any:
        """One input after the host stage as the network takes it: ids are int32, others float."""
        x = apply_layers(self.device[name], x)
        if self.encodings[name].vocabulary or keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
            return x
        return keras.ops.cast(x, "float32")


def make_preprocessing(inputs: Mapping[str, Input]) -> Preprocessing:
    """The layers that inputs ask for, with what was fitted on the training rows, as far as it was."""
    host: Layers = {}
    device: Layers = {}
    augment: Layers = {}
    encodings: dict[str, Encoding] = {}
    for name, bound in inputs.items():
        steps = bound.settings.preprocess
        states = bound.state.get("steps") or [None] * len(steps)
        layers = [step.layer(state) for step, state in zip(steps, states, strict=True)]
        last = max((i for i, step in enumerate(steps) if step.host), default=-1)
        first = bound.settings.host_layers(bound)
        host[name], device[name] = first + layers[: last + 1], layers[last + 1 :]
        encoding = bound.settings.encoding(bound)
        for step in steps:
            encoding = step.encoding(encoding)
        # No layer of a network takes whole numbers, unless they are ids.
        encodings[name] = encoding if encoding.vocabulary else replace(encoding, dtype="float32")
        low_high = bound.settings.value_range()
        random = bound.settings.random_layers()
        augment[name] = [make_random_layer(x, low_high, (*bound.key, "augment", n)) for n, x in enumerate(random)]
    return Preprocessing(host, device, augment, encodings)


def fit_inputs(inputs: Mapping[str, Input], train: Split) -> tuple[dict[str, Input], list[str]]:
    """The inputs with the states of the steps that learn from data, and notes about them.

    Args:
        inputs: bound to their columns.
        train: the training split, as the source gives it.

    Raises:
        RunError: if an input holds NaN or infinity.
    """
    fitted, notes = {}, []
    for name, bound in inputs.items():
        if bound.settings.fitted and not bound.state:
            bound, more = _fitted_to_stream(bound, train)
            notes += more
        if isinstance(train, Stream):
            notes += bound.settings.notes_of_stream(bound)
        states: list[Any] = []
        layers: list[Any] = list(bound.settings.host_layers(bound))
        for number, step in enumerate(bound.settings.preprocess):
            state = None
            if step.fitted:
                key = (*bound.key, "preprocess", number)
                state = _fitted_step(step, _batches(train, bound, layers), key)
                notes += [f"input `{name}`: {note}" for note in step.notes(state)]
            states.append(state)
            layers.append(step.layer(state))
        fitted[name] = replace(bound, state={**bound.state, "steps": states})
    return fitted, notes


def _fitted_step(step: StepSettings, batches: Iterator[np.ndarray], key: Key) -> dict[str, Any]:
    """What a step learns from the training rows.

    Raises:
        RunError: if it cannot learn from such rows.
    """
    try:
        return dict(step.fit(batches))
    except UnfitError as error:
        message = f"train: input `{key[2]}`: `{step.step}`: {error}"
        raise RunError(Problem(error.code, message, key, help=error.help)) from error


def _fitted_to_stream(bound: Input, train: Split) -> tuple[Input, list[str]]:
    """An input with what its kind learns from the training rows of a stream; those of arrays were seen before."""
    values = np.concatenate([np.asarray(batch) for batch in _inputs_of(train, bound.name)])
    place = RowPlace("train", ", ".join(bound.columns), (Piece("train", 0, None),), bound.key)
    feature, state, notes = bound.settings.fit(values, bound.feature, place)
    bound = replace(bound, feature=feature, state=dict(state))
    return bound, [*notes, *bound.settings.notes(values, bound, place)]


def _batches(split: Split, bound: Input, layers: list[Any]) -> Iterator[np.ndarray]:
    """One input of every training example after some layers, in batches, unshuffled.

    Raises:
        RunError: if one of them is not finite.
    """
    name, nan_allowed = bound.name, bound.settings.nan_allowed(bound.feature)
    for batch in _inputs_of(split, name):
        values = np.asarray(apply_layers(layers, batch))
        if values.dtype.kind == "f" and not isinstance(split, Indexed):
            wrong = np.isinf(values) if nan_allowed else ~np.isfinite(values)
            if wrong.any():
                raise RunError(_not_finite(name))
        yield values


def _not_finite(name: str) -> Problem:
    """The problem of a stream; arrays have been looked through, row by row, before."""
    return Problem(
        "not-finite",
        f"the training split holds NaN or infinity in `{name}`: `normalize` found no mean for it",
        ("data", "inputs", name),
        help="remove those examples or fill them in; with `preprocess: []` training goes on up to one, and names it",
    )


def _inputs_of(split: Split, name: str) -> Iterator[Any]:
    """One input of every example, in batches, unshuffled."""
    if isinstance(split, Indexed) and split.arrays is not None:
        values = split.arrays.inputs[name]
        yield from (values[i : i + BATCH] for i in range(0, len(values), BATCH))
    elif isinstance(split, Indexed):
        rows = tf.data.Dataset.range(split.size).batch(BATCH)
        yield from elements(rows.map(lambda i: split.fetch(i).inputs[name]))
    else:
        yield from elements(split.make(0, -1).map(lambda inputs, *_: inputs[name]).batch(BATCH))


def apply_layers(layers: list[Any], x: Any) -> Any:
    """Call the layers one after the other.

    Keras rounds a resized integer image or not, by how it was handed over; as a float it is never rounded.
    """
    if layers and isinstance(layers[0], keras.layers.Resizing):
        x = keras.ops.cast(x, "float32")
    for layer in layers:
        x = layer(x)
    return x


def host_stage(preprocessing: Preprocessing, splits: Splits) -> Splits:
    """The splits with the host stage applied: once for arrays in memory, on the fly for everything else.

    Returns:
        The same splits where no input has a host stage.
    """
    if not any(preprocessing.host.values()):
        return splits

    inputs = {name: _prepared(preprocessing.host[name], bound) for name, bound in splits.spec.inputs.items()}
    return replace(
        splits,
        spec=replace(splits.spec, inputs=inputs),
        train=_apply_host(preprocessing.host, splits.train),
        validation=splits.validation and _apply_host(preprocessing.host, splits.validation),
        test=splits.test and _apply_host(preprocessing.host, splits.test),
    )


def _prepared(layers: list[Any], bound: Input) -> Input:
    """An input as the host stage leaves it."""
    if not layers:
        return bound
    after = apply_layers(layers, keras.KerasTensor((None, *bound.shape), bound.dtype))
    dtype = keras.backend.standardize_dtype(after.dtype)
    return replace(bound, feature=replace(bound.feature, shape=tuple(after.shape[1:]), dtype=dtype))


def _apply_host(host: Mapping[str, list[Any]], split: Split) -> Split:
    def prepare(inputs: Tensors) -> Tensors:
        return {name: apply_layers(host[name], x) for name, x in inputs.items()}

    def single(inputs: Tensors, *others: Any) -> tuple[Any, ...]:
        one = prepare({name: x[tf.newaxis] for name, x in inputs.items()})
        return ({name: x[0] for name, x in one.items()}, *others)

    def fetch(indices: tf.Tensor) -> Batch:
        batch = split.fetch(indices)  # type: ignore[union-attr]
        return batch._replace(inputs=prepare(batch.inputs))

    if isinstance(split, Stream):
        return Stream(
            lambda seed, epoch: split.make(seed, epoch).map(single, num_parallel_calls=tf.data.AUTOTUNE), split.size
        )
    if split.arrays is None:
        return Indexed(split.size, fetch)
    inputs, targets, weights, _ = split.arrays
    done = {
        name: np.concatenate([np.asarray(apply_layers(host[name], x[i : i + 256])) for i in range(0, len(x), 256)])
        if host[name]
        else x
        for name, x in inputs.items()
    }
    return in_memory(done, targets, weights)
