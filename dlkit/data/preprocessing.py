"""Preprocessing as Keras layers, in two stages, and the random layers that augment training batches.

The host stage ends with the last step that has to be done before examples are batched (`resize`): it runs in tf.data,
or once over arrays in memory. The device stage, all that follows, runs inside the compiled step. The saved model chains
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from dlkit.data.augment import make_random_layer
from dlkit.data.bound import Input
from dlkit.schema.features import Encoding

# Keras layers, or other functions of one tensor that are made of Keras ops.
Layers = dict[str, list[Any]]


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

    def whole(self, name: str, x: Any) -> Any:
        """One input as the source gives it, as the network takes it: both stages."""
        return self.for_network(name, apply_layers(self.host[name], x))

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
        on_host = steps_on_host(bound)
        first = bound.settings.host_layers(bound)
        host[name], device[name] = first + layers[:on_host], layers[on_host:]
        encoding = bound.settings.encoding(bound)
        for step in steps:
            pixels = encoding.pixels and (step.value_range(*encoding.pixels) if step.linear else None)
            encoding = replace(step.encoding(encoding), pixels=pixels)
        # No layer of a network takes whole numbers, unless they are ids.
        encodings[name] = encoding if encoding.vocabulary else replace(encoding, dtype="float32")
        low_high = bound.settings.value_range()
        random = bound.settings.random_layers()
        augment[name] = [make_random_layer(x, low_high, (*bound.key, "augment", n)) for n, x in enumerate(random)]
    return Preprocessing(host, device, augment, encodings)


def steps_on_host(bound: Input) -> int:
    """How many of an input's steps belong to the host stage: those up to the last one that has to."""
    return max((i + 1 for i, step in enumerate(bound.settings.preprocess) if step.host), default=0)


def apply_layers(layers: list[Any], x: Any) -> Any:
    """Call the layers one after the other."""
    for layer in layers:
        x = layer(x)
    return x
