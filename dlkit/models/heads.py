"""Heads: from features to the logits of each target, and from logits to results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from dlkit.data.bound import Target
from dlkit.origins import origin


def attach(features: Any, targets: Mapping[str, Target]) -> Any:
    """Put a dense head of logits on the features for each target.

    Args:
        features: float, shape (batch, ...); or a dictionary of them by target.
        targets: what is predicted, by name.

    Returns:
        A float tensor of shape (batch, units); a dictionary of them by target where there are several.
    """
    # In float32 whatever the precision of the network: half precision would round probabilities.
    outputs = {
        name: origin(keras.layers.Dense(target.units, name=name, dtype="float32"), target.key)(
            features[name] if isinstance(features, dict) else features
        )
        for name, target in targets.items()
    }
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def to_results(logits: Any, targets: Mapping[str, Target]) -> Any:
    """From logits to float32 probabilities, or to numbers in their own unit, in layers of the saved model.

    Args:
        logits: what `attach` gave.
        targets: the same targets.

    Returns:
        Tensors of the same shapes: a dictionary where there are several targets.
    """

    def result(name: str, x: Any) -> Any:
        for layer in targets[name].settings.results_layers(targets[name]):
            x = layer(x)
        return x

    if isinstance(logits, dict):
        return {name: result(name, x) for name, x in logits.items()}
    return result(next(iter(targets)), logits)
