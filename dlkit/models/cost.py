"""What the layers of a network cost, counted from their shapes: multiply-adds of the forward pass of one example."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import layers

# Layers whose weights multiply nothing, or each value once, which is left out as activations are.
_FREE = (
    layers.Embedding, layers.Normalization, layers.BatchNormalization, layers.LayerNormalization,
    layers.GroupNormalization, layers.RMSNormalization, layers.PReLU, layers.TextVectorization, layers.StringLookup,
    layers.IntegerLookup, layers.Discretization,
)  # fmt: skip


class Products(NamedTuple):
    """Multiply-adds of one layer's forward pass for one example.

    Attributes:
        of_input: those that multiply what comes from the layer before.
        of_state: those that multiply a recurrent layer's own state.
    """

    of_input: int
    of_state: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.of_input + self.of_state


def products(layer: keras.layers.Layer) -> Products | None:
    """The multiply-adds of a layer within a functional model.

    Returns:
        None where its kind is not counted, or a size of its input varies.
    """
    counted = next((count for kinds, count in _COUNTED if isinstance(layer, kinds)), None)
    if counted is not None:
        try:
            return counted(layer)
        except TypeError:  # a size is None
            return None
    return Products(0) if isinstance(layer, _FREE) or not any(len(v.shape) for v in layer.weights) else None


def _dense(layer: Any) -> Products:
    return Products(math.prod(layer.output.shape[1:]) * layer.kernel.shape[0])


def _einsum(layer: Any) -> Products:
    """All values of the output, each a sum over the axes of the kernel that the output does not have."""
    inputs, outputs = layer.equation.split("->")
    axes = inputs.split(",")[1]
    summed = [size for name, size in zip(axes, layer.kernel.shape, strict=True) if name not in outputs]
    return Products(math.prod(layer.output.shape[1:]) * math.prod(summed))


def _spatial(tensor: Any, layer: Any) -> int:
    """Positions of a feature map."""
    return math.prod(tensor.shape[1:-1] if layer.data_format == "channels_last" else tensor.shape[2:])


def _convolution(layer: Any) -> Products:
    return Products(_spatial(layer.output, layer) * math.prod(layer.kernel.shape))


def _transposed(layer: Any) -> Products:
    return Products(_spatial(layer.input, layer) * math.prod(layer.kernel.shape))


def _separable(layer: Any) -> Products:
    kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
    return Products(_spatial(layer.output, layer) * kernels)


def _steps(layer: Any) -> Any:
    """Steps of the sequence that a layer takes; a mask may stand beside it."""
    return (layer.input[0] if isinstance(layer.input, list) else layer.input).shape[1]


def _recurrent(layer: Any) -> Products:
    steps = _steps(layer)
    return Products(*(steps * math.prod(kernel.shape) for kernel in (layer.cell.kernel, layer.cell.recurrent_kernel)))


def _both_ways(layer: Any) -> Products:
    steps = _steps(layer)
    cells = [one.cell for one in (layer.forward_layer, layer.backward_layer)]
    of_input = sum(steps * math.prod(cell.kernel.shape) for cell in cells)
    return Products(of_input, sum(steps * math.prod(cell.recurrent_kernel.shape) for cell in cells))


def _attention(layer: Any) -> Products:
    """The projections of every step, and each query with each key and value."""
    given = layer.input if isinstance(layer.input, list) else [layer.input] * 2
    queries, keys = given[0].shape[1], given[1].shape[1]
    kernels = {v.path.split("/")[-2]: math.prod(v.shape) for v in layer.weights if v.name == "kernel"}
    projected = sum((keys if name in ("key", "value") else queries) * size for name, size in kernels.items())
    width = layer.num_heads * (layer.key_dim + (layer.value_dim or layer.key_dim))
    return Products(projected + queries * keys * width)


_COUNTED: list[tuple[Any, Callable[[Any], Products]]] = [
    (layers.Dense, _dense),
    (layers.EinsumDense, _einsum),
    ((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _transposed),
    ((layers.SeparableConv1D, layers.SeparableConv2D), _separable),
    ((layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D), _convolution),
    ((layers.LSTM, layers.GRU, layers.SimpleRNN), _recurrent),
    (layers.Bidirectional, _both_ways),
    (layers.MultiHeadAttention, _attention),
]
