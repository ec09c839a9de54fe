"""From a batch as the host stage leaves it to the network's outputs, inside the compiled program."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dlkit.data.preprocessing import apply_layers
from dlkit.models.build import BuiltModel, as_float, unwrap


def forward(built: BuiltModel, inputs: dict[str, Any]) -> dict[str, Any]:
    """Logits by target, of a batch as the host stage leaves it, without augmentation or dropout."""
    prepared = device_stage(built, inputs, augment=False)
    return by_target(built, built.network(unwrap(prepared), training=False))


def device_stage(built: BuiltModel, inputs: dict[str, Any], *, augment: bool) -> dict[str, Any]:
    """Inputs as the network takes them: the device layers, then in training the random ones."""
    layers = built.preprocessing
    prepared = {name: as_float(apply_layers(layers.device[name], x)) for name, x in inputs.items()}
    if augment:
        for name, random in layers.augment.items():
            for layer in random:
                prepared[name] = layer(prepared[name], training=True)
    return prepared


def by_target(built: BuiltModel, outputs: Any) -> dict[str, Any]:
    """The network's outputs as a dictionary by target, also where there is only one."""
    return outputs if isinstance(outputs, dict) else {next(iter(built.spec.targets)): outputs}


def penalties(network: keras.Model) -> Any:
    """The sum of the penalties on a network's weights (L1, L2): a float scalar."""
    return tf.add_n(network.losses) if network.losses else 0.0
