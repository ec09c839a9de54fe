"""The last layers of a saved model: from logits to results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from dlkit.data.bound import Target
from dlkit.models.members import has_members


def to_results(logits: Any, targets: Mapping[str, Target]) -> Any:
    """From logits to float32 probabilities, or to numbers in their own unit, in layers of the saved model.

    Args:
        logits: of the network, by target where there are several; of members, they become the mean of their results.
        targets: the same targets.

    Returns:
        Tensors of shape (batch, units): a dictionary where there are several targets.
    """

    def result(name: str, x: Any) -> Any:
        for layer in targets[name].settings.results_layers(targets[name]):
            x = layer(x)
        return keras.layers.GlobalAveragePooling1D(dtype="float32", name=f"{name}_mean")(x) if has_members(x) else x

    if isinstance(logits, dict):
        return {name: result(name, x) for name, x in logits.items()}
    return result(next(iter(targets)), logits)
