"""What a network's training costs, counted from its layers, and what the machine could do at best."""

from __future__ import annotations

import keras

from dlkit.models.cost import products


def training_flops(network: keras.Model) -> int:
    """Floating-point operations of one example's forward and backward pass.

    A multiply-add counts as 2. The backward pass takes as many again for the gradient of the weights, and as many for
    that of the input; the first layer's input needs no gradient, its state does. Activations, pooling, biases, the loss
    and the optimizer are left out: they are no matrix products.
    """
    total, first = 0, True
    for layer in network.layers:
        counted = products(layer)
        if counted is None:
            raise ValueError(f"the products of {type(layer).__name__} are not counted")
        if not counted.total:
            continue
        total += 2 * ((2 if first else 3) * counted.of_input + 3 * counted.of_state)
        first = False
    return total
