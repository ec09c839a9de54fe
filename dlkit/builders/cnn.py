"""`builder: cnn`: the convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders import _masked
from dlkit.builders._conv_blocks import ConvBlock
from dlkit.builders._dense import DenseStack
from dlkit.builders._inputs import joined
from dlkit.encoded import Encoded, as_grid, masked_mean
from dlkit.lazy import lazy
from dlkit.origins import origin

layers = lazy("keras.layers")
POOLING = ("model", "pooling")


class Cnn(DenseStack):
    """A convolutional network over images, or over sequences and texts; other inputs join before the dense layers."""

    also_called = "conv, convnet, conv_net, convolutional, conv1d, conv2d"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "blocks": "conv, convs, conv_layers, conv_blocks, convolutions, layers, filters",
        "pooling": "pool, global_pool, global_pooling",
    }
    cost = "convolution"
    reads = (("height", "width", "channels"), ("steps", "channels"), ("tokens",))
    reads_one_of = (("height", "width", "channels"),)
    reads_in_words = "an image, a sequence or a text"
    usual_input = "image"

    builder: Literal["cnn"]
    blocks: list[ConvBlock] = Field(
        default_factory=lambda: [ConvBlock(filters=32, pool_size=2), ConvBlock(filters=64, pool_size=2)],
        min_length=1,
        description="Convolution blocks, first to last.",
    )
    pooling: Literal["flatten", "average", "max"] | None = Field(
        None,
        description="How the last feature map becomes a vector: all values, or one per channel; by default all of "
        "images, and the average of sequences and texts.",
    )

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Convolution blocks, a pooling to one vector, dense layers.

        Args:
            inputs: batches of images, shape (batch, height, width, channels), each with convolutions of its own; and
                others, which join as vectors. Where there is no image, sequences, shape (batch, steps, channels), and
                texts, whose tokens are embedded, likewise. Steps that a mask leaves out change nothing but what
                `flatten` gives.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: if a block is given fewer rows or columns than its window needs.
        """
        own, others = self.divided(inputs)
        vectors = [self._body(as_grid(given), given.mask, prefix) for prefix, given in own]
        return self.dense_stack(joined(vectors, others))

    def _body(self, x: Any, mask: Any, prefix: str) -> Any:
        """One image or sequence as a vector; names of its layers begin with the prefix."""
        for number, block in enumerate(self.blocks):
            x, mask = block.build(x, mask, number, prefix)
        sequence = len(x.shape) == 3
        pooling = self.pooling or ("average" if sequence else "flatten")
        if pooling == "flatten":
            return origin(layers.Flatten(name=f"{prefix}flatten"), POOLING)(x)
        if mask is not None:
            return masked_mean(x, mask) if pooling == "average" else _masked.largest(x, mask)
        average, largest = (
            (layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D)
            if sequence
            else (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
        )
        layer = average if pooling == "average" else largest
        return origin(layer(name=f"{prefix}pool"), POOLING)(x)
