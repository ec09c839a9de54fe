"""Blocks of convolutional networks as one writes them in Keras, layer by layer."""

from __future__ import annotations

from typing import Any

from keras import layers


class ByHand:
    """Blocks over sequences or images.

    Args:
        axes: 1 for sequences, 2 for images.
        activation: after each normalisation.
    """

    def __init__(self, axes: int, activation: str = "relu") -> None:
        self.axes, self.activation = axes, activation

    def layer(self, kind: str, x: Any, *arguments: Any, **more: Any) -> Any:
        """A layer of Keras, whose name ends in the number of axes."""
        return getattr(layers, f"{kind}{self.axes}D")(*arguments, **more)(x)

    def conv(self, x: Any, filters: int, size: Any = 1, **more: Any) -> Any:
        """A convolution that keeps the size."""
        return self.layer("Conv", x, filters, size, **{"padding": "same", "use_bias": False, **more})

    def normed(self, x: Any, *, activation: bool = True) -> Any:
        """Normalisation and activation."""
        x = layers.BatchNormalization()(x)
        return layers.Activation(self.activation)(x) if activation else x

    def full(self, x: Any, filters: int, size: Any = 3, **more: Any) -> Any:
        """A convolution, normalisation and activation."""
        return self.normed(self.conv(x, filters, size, **more))

    def depthwise(self, x: Any, size: int = 3, **more: Any) -> Any:
        """A convolution within each channel, normalisation and activation."""
        return self.normed(self.layer("DepthwiseConv", x, size, padding="same", use_bias=False, **more))

    def excited(self, x: Any, ratio: int | None) -> Any:
        """Squeeze and excitation, where a ratio is given."""
        if ratio is None:
            return x
        gate = self.layer("GlobalAveragePooling", x, keepdims=True)
        gate = layers.Dense(x.shape[-1] // ratio, "relu")(gate)
        gate = layers.Dense(x.shape[-1], "sigmoid")(gate)
        return layers.Multiply()([x, gate])

    def summed(self, x: Any, before: Any) -> Any:
        """A sum and its activation."""
        return layers.Activation(self.activation)(layers.Add()([x, before]))

    def residual(self, x: Any, filters: int, strides: int = 1, excite: int | None = None) -> Any:
        """Two convolutions and a shortcut, which is a convolution where the shape changes."""
        y = self.conv(self.full(x, filters, strides=strides), filters, 3)
        y = self.excited(self.normed(y, activation=False), excite)
        if strides > 1 or x.shape[-1] != filters:
            x = self.normed(self.conv(x, filters, strides=strides), activation=False)
        return self.summed(y, x)

    def bottleneck(self, x: Any, filters: int, inner: int) -> Any:
        """A convolution of fewer channels between two of size 1, and a convolution as shortcut."""
        y = self.conv(self.full(self.full(x, inner, 1), inner), filters)
        y = self.normed(y, activation=False)
        return self.summed(y, self.normed(self.conv(x, filters), activation=False))

    def separable(self, x: Any, filters: int, size: int = 3, dilation: int = 1) -> Any:
        """A convolution within each channel, then one across them."""
        return self.full(self.depthwise(x, size, dilation_rate=dilation), filters, 1)

    def inverted(
        self, x: Any, filters: int, inner: int, size: int = 3, strides: int = 1, excite: int | None = None
    ) -> Any:
        """To more channels and back, with a sum where the shape stays."""
        y = self.full(x, inner, 1) if inner > x.shape[-1] else x
        y = self.excited(self.depthwise(y, size, strides=strides), excite)
        y = self.normed(self.conv(y, filters), activation=False)
        return layers.Add()([y, x]) if strides == 1 and x.shape[-1] == filters else y

    def inception(self, x: Any, filters: int, sizes: list[int], bottleneck: int, modules: int) -> Any:
        """Modules of convolutions side by side, and a convolution as shortcut around all."""
        before = x
        for _ in range(modules):
            narrow = self.conv(x, bottleneck) if x.shape[-1] > bottleneck else x
            side = [self.conv(narrow, filters, size) for size in sizes]
            side.append(self.conv(self.layer("MaxPooling", x, 3, strides=1, padding="same"), filters))
            x = self.normed(layers.Concatenate()(side))
        return self.summed(x, self.normed(self.conv(before, x.shape[-1]), activation=False))
