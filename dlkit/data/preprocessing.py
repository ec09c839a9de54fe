"""Preprocessing as Keras layers, in two stages, and the random layers that augment training batches.

The host stage ends with the last step that changes the shape of an example (`resize`): it runs in tf.data, or once
over arrays in memory. The device stage, all that follows, runs inside the compiled step. The saved model chains both.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.config.schema.data import AnyInput, Data, ImageInput, Normalize, RandomStep, Rescale, Resize
from dlkit.data.contract import Batch, Feature, Indexed, Split, Splits, Stream, Tensors, in_memory

Layers = dict[str, list[keras.layers.Layer]]


@dataclass(frozen=True)
class Preprocessing:
    """The layers of every input, by its name.

    Attributes:
        host: layers of the host stage, in order.
        device: layers of the device stage, in order.
        augment: random layers, applied after the device stage in training alone.
    """

    host: Layers
    device: Layers
    augment: Layers


def make_preprocessing(data: Data) -> Preprocessing:
    """The layers that the inputs of a configuration ask for; `normalize` still has to be fitted."""
    host: Layers = {}
    device: Layers = {}
    augment: Layers = {}
    for name, settings in data.inputs.items():
        steps = settings.preprocess
        last_resize = max((i for i, step in enumerate(steps) if isinstance(step, Resize)), default=-1)
        layers = [_layer(step) for step in steps]
        host[name], device[name] = layers[: last_resize + 1], layers[last_resize + 1 :]
        random = settings.augment if isinstance(settings, ImageInput) else []
        key = ("data", "inputs", name, "augment")
        augment[name] = [_random_layer(step, _value_range(settings), (*key, n)) for n, step in enumerate(random)]
    return Preprocessing(host, device, augment)


def fit(preprocessing: Preprocessing, train: Split) -> None:
    """Fit the layers that learn from data (means and deviations) on the training split.

    Args:
        preprocessing: its `normalize` layers are changed in place.
        train: the training split, as the source gives it.

    Raises:
        RunError: if an input holds NaN or infinity.
    """
    for name in preprocessing.host:
        layers = preprocessing.host[name] + preprocessing.device[name]
        for i, layer in enumerate(layers):
            if isinstance(layer, keras.layers.Normalization):
                before = layers[:i]
                layer.adapt(_inputs_of(train, name).map(lambda x, before=before: apply_layers(before, x)))
                if not all(np.isfinite(figures).all() for figures in (layer.mean, layer.variance)):
                    raise RunError(_not_finite(name))


def _not_finite(name: str) -> Problem:
    """What is told of a stream; arrays have been looked through, row by row, before."""
    return Problem(
        "not-finite",
        f"the training split holds NaN or infinity in `{name}`: `normalize` found no mean for it",
        ("data", "inputs", name),
        help="remove those examples or fill them in; with `preprocess: []` training goes on up to one, and names it",
    )


def apply_layers(layers: list[keras.layers.Layer], x: Any) -> Any:
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

    inputs = {
        name: replace(f, shape=_shape_after(preprocessing.host[name], f), dtype="float32")
        if preprocessing.host[name]
        else f
        for name, f in splits.spec.inputs.items()
    }
    return replace(
        splits,
        spec=replace(splits.spec, inputs=inputs),
        train=_apply_host(preprocessing.host, splits.train),
        validation=splits.validation and _apply_host(preprocessing.host, splits.validation),
        test=splits.test and _apply_host(preprocessing.host, splits.test),
    )


def _shape_after(layers: list[keras.layers.Layer], feature: Feature) -> tuple[int | None, ...]:
    """The shape of one example after these layers."""
    return tuple(apply_layers(layers, keras.KerasTensor((None, *feature.shape), feature.dtype)).shape[1:])


def _apply_host(host: Mapping[str, list[keras.layers.Layer]], split: Split) -> Split:
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


def _inputs_of(split: Split, name: str) -> tf.data.Dataset:
    """One input of every example, in batches, unshuffled."""
    if isinstance(split, Indexed):
        return tf.data.Dataset.range(split.size).batch(1024).map(lambda i: split.fetch(i).inputs[name])
    return split.make(0, -1).map(lambda inputs, *_: inputs[name]).batch(1024)


def _layer(step: Rescale | Normalize | Resize) -> keras.layers.Layer:
    if isinstance(step, Rescale):
        return keras.layers.Rescaling(step.scale, step.offset)
    if isinstance(step, Normalize):
        return keras.layers.Normalization(axis=step.axis)
    settings = step.model_dump()[step.step]
    return keras.layers.Resizing(**settings)


def _random_layer(step: RandomStep, value_range: tuple[float, float], key: Key) -> keras.layers.Layer:
    cls = getattr(keras.layers, "".join(word.title() for word in step.name.split("_")))
    arguments = dict(step.arguments)
    if "value_range" in inspect.signature(cls.__init__).parameters:
        arguments["value_range"] = value_range
    try:
        return cls(**arguments)
    except (ValueError, TypeError) as error:
        words = str(error).strip().splitlines()[0]
        raise ConfigError(Problem("refused-by-keras", f"Keras refuses `{step.name}`: {words}", key=key)) from error


def _value_range(settings: AnyInput) -> tuple[float, float]:
    """Where 8-bit pixels lie after the preprocessing steps, for the random layers that have to know."""
    low, high = 0.0, 255.0
    for step in settings.preprocess:
        if isinstance(step, Rescale):
            low, high = low * step.scale + step.offset, high * step.scale + step.offset
    return min(low, high), max(low, high)
