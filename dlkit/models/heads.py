"""The last layers of a saved model: from logits to results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlkit.data.bound import Target


def to_results(logits: Any, targets: Mapping[str, Target]) -> Any:
    """From logits to float32 probabilities, or to numbers in their own unit, in layers of the saved model.

    Args:
        logits: of the network, by target where there are several.
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
