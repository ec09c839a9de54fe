"""What every block of a convolutional network has, and how its layers are put on feature maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from dlkit.builders._blocks._maps import Maps, must_have_axes, part_of
from dlkit.builders._dense import drop
from dlkit.builders._weights import WeightSettings
from dlkit.config.problems import Key
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.base import Activation, Fraction, Positive
from dlkit.schema.registry import Registry

layers = lazy("keras.layers")

Size = Positive | Annotated[list[Positive], Field(min_length=2, max_length=2)]


class Block(WeightSettings):
    """What every kind of block has.

    A new kind is a file in `dlkit/builders/_blocks/`, whose class has the file's name as `kind: Literal[...]`.
    """

    # What people call it elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **WeightSettings.fields_also_called,
        "filters": "channels, out_channels, units, features",
        "kernel_size": "kernel, window, size",
        "strides": "stride",
        "batch_normalization": "batch_norm, batchnorm, bn, norm",
        "squeeze_excite": "se, squeeze_and_excitation, squeeze_excitation, se_ratio",
        "pool_size": "pool, pooling, max_pool, maxpool",
        "dropout": "dropout_rate",
        "repeat": "repeats, times, depth, layers, num_layers, n",
    }
    # What the names of its layers begin with.
    noun: ClassVar[str] = ""

    kind: str
    filters: Positive = Field(description="Output channels of the block.")
    activation: Activation = Field("relu", description="Activation after each convolution.")
    batch_normalization: bool = Field(True, description="Normalise before each activation.")
    squeeze_excite: Positive | None = Field(
        None,
        description="Weigh channels by two dense layers on their means (squeeze and excitation, Hu et al., 2018): "
        "the channels divided by it are the units of the first; null for none.",
    )
    pool_size: Size | None = Field(None, description="Window of the max-pooling that follows; null for none.")
    dropout: Fraction = Field(0.0, description="Share of values dropped at the end of the block in training.")
    repeat: Positive = Field(
        1, description="How often the convolutions follow each other; strides are those of the first alone."
    )

    def build(self, x: Any, mask: Any, name: str, key: Key) -> tuple[Any, Any]:
        """The layers of the block.

        Args:
            x: float, shape (batch, height, width, channels) or (batch, steps, channels); 0 where the mask is False.
            mask: bool, shape (batch, steps); None where every step is there.
            name: what the names of its layers begin with.
            key: of the section that asks for it.

        Returns:
            Its output and that output's mask.

        Raises:
            ConfigError: if a window does not fit what it is laid on.
        """
        maps = Maps(x, mask, key)
        for field in ("kernel_size", "strides", "pool_size"):
            must_have_axes(getattr(self, field, None), maps.axes, key, field)
        maps = self.all_of(maps, name)
        if self.pool_size is not None:
            maps = maps.pooled(self.pool_size, f"{name}_pool")
        return drop(maps.x, self.dropout, name, key), maps.mask

    def all_of(self, maps: Maps, name: str) -> Maps:
        """Its convolutions, `repeat` times."""
        for turn in range(self.repeat):
            maps = self.once(maps, f"{name}_{turn + 1}" if turn else name, first=turn == 0)
        return maps

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """Its convolutions, one time; `first` where strides are to be taken."""
        raise NotImplementedError

    # The parts of blocks.

    def convolution(
        self,
        maps: Maps,
        name: str,
        filters: int,
        size: Any = 1,
        *,
        strides: Any = 1,
        padding: str = "same",
        activation: bool = True,
    ) -> Maps:
        """A convolution with normalisation and activation, as the settings say."""
        bias = not self.batch_normalization
        own = self.activation if bias and activation else None
        weights = self.of_weights(maps.key, axes=maps.axes + 2)
        maps = maps.convolved(
            "Conv", size, strides, padding, filters=filters, activation=own, use_bias=bias, name=name, **weights
        )
        return maps.filled() if bias else self.normalised(maps, name, activation=activation)

    def depthwise(self, maps: Maps, name: str, size: Any, *, strides: int = 1, dilation: int = 1) -> Maps:
        """A convolution within each channel, with normalisation and activation, as the settings say."""
        bias = not self.batch_normalization
        own = self.activation if bias else None
        weights = self.of_weights(maps.key, "depthwise", maps.axes + 2)
        maps = maps.convolved(
            "DepthwiseConv", size, strides, dilation_rate=dilation, activation=own, use_bias=bias, name=name, **weights
        )
        return maps.filled() if bias else self.normalised(maps, name)

    def normalised(self, maps: Maps, name: str, *, activation: bool = True) -> Maps:
        """Batch normalisation, over steps that are there, then the activation."""
        masks = {} if maps.mask is None else {"mask": maps.mask}
        maps = maps.under(layers.BatchNormalization(name=f"{name}_norm"), **masks)
        return self.activated(maps, f"{name}_activation") if activation else maps.filled()

    def activated(self, maps: Maps, name: str) -> Maps:
        """The activation as a layer."""
        return maps.under(layers.Activation(self.activation, name=name)).filled()

    def excited(self, maps: Maps, name: str) -> Maps:
        """Each channel times what dense layers make of the means of all; unchanged where that is not asked for."""
        if self.squeeze_excite is None:
            return maps
        units = part_of(maps.channels, self.squeeze_excite, maps.key, "squeeze_excite")
        gate = maps.means(f"{name}_squeeze")
        for number, (width, activation) in enumerate(((units, "relu"), (maps.channels, "sigmoid")), 1):
            weights = self.of_weights(maps.key)
            dense = layers.Dense(width, activation=activation, name=f"{name}_excite_{number}", **weights)
            gate = origin(dense, maps.key)(gate)
        return replace(maps, x=origin(layers.Multiply(name=f"{name}_excited"), maps.key)([maps.x, gate]))

    def summed(
        self, maps: Maps, before: Maps, name: str, *, strides: Any = 1, project: bool = False, activation: bool = True
    ) -> Maps:
        """The sum of what convolutions made and what they were given, which one of size 1 brings to its shape.

        Args:
            maps: what they made.
            before: what they were given.
            name: what the names of the layers begin with.
            strides: that they have.
            project: whether the shortcut is a convolution even where the shape is the same.
            activation: whether the activation follows.
        """
        if project or before.channels != maps.channels or strides not in (1, [1, 1]):
            before = self.convolution(before, f"{name}_shortcut", maps.channels, strides=strides, activation=False)
        maps = replace(maps, x=origin(layers.Add(name=f"{name}_sum"), maps.key)([maps.x, before.x]))
        return self.activated(maps, f"{name}_output") if activation else maps


class WindowBlock(Block):
    """A block whose convolutions have one window."""

    kernel_size: Size = Field(3, description="Side of the square window, or its height and width; steps of a sequence.")
    strides: Size = Field(1, description="Step of the window, or its steps down and across.")


BLOCKS = Registry("block", Block, "kind", package="dlkit.builders._blocks", default="plain")
