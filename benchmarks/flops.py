"""What a network's training costs, counted from its layers, and what the machine could do at best."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras


class Products(NamedTuple):
    """Multiply-adds of one layer's forward pass for one example.

    Attributes:
        of_input: those that multiply what comes from the layer before.
        of_state: those that multiply a recurrent layer's own state.
    """

    of_input: int
    of_state: int = 0


def training_flops(network: keras.Model) -> int:
    """Floating-point operations of one example's forward and backward pass.

    A multiply-add counts as 2. The backward pass takes as many again for the gradient of the weights, and as many for
    that of the input; the first layer's input needs no gradient, its state does. Activations, pooling, biases, the loss
    and the optimizer are left out: they are no matrix products.
    """
    total, first = 0, True
    for layer in network.layers:
        products = layer_products(layer)
        if products is None:
            continue
        total += 2 * ((2 if first else 3) * products.of_input + 3 * products.of_state)
        first = False
    return total


def layer_products(layer: Any) -> Products | None:
    """The multiply-adds of a layer; None where it has no matrix product.

    Raises:
        ValueError: if the layer has weights and is of a kind that is not counted.
    """
    kind = type(layer).__name__
    if kind == "Dense":
        return Products(layer.kernel.shape[0] * layer.units)
    if kind == "Conv2D":
        height, width = layer.output.shape[1:3]
        rows, columns, channels, filters = layer.kernel.shape
        return Products(height * width * rows * columns * channels * filters)
    if kind == "LSTM":
        steps, features = layer.input.shape[1:]
        gates = 4 * layer.units
        return Products(steps * features * gates, steps * layer.units * gates)
    if layer.weights:
        raise ValueError(f"the products of {kind} are not counted")
    return None
