"""`builder: cnn`: the convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.config.problems import ConfigError, Problem
from dlkit.encoded import Encoded, as_map
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.base import Activation, Fraction, Positive, Section

layers = lazy("keras.layers")
POOLING = ("model", "pooling")

Size = Positive | Annotated[list[Positive], Field(min_length=2, max_length=2)]


class ConvBlock(Section):
    """A convolution, then, each if given, batch normalisation, activation, pooling and dropout."""

    filters: Positive = Field(description="Output channels of the convolution.")
    kernel_size: Size = Field(3, description="Side of the square window, or its height and width.")
    strides: Size = Field(1, description="Step of the window, or its steps down and across.")
    padding: Literal["valid", "same"] = Field("valid", description="`same` keeps the size, `valid` drops the border.")
    activation: Activation = Field("relu", description="Activation after the convolution.")
    batch_normalization: bool = Field(False, description="Normalise before the activation.")
    pool_size: Size | None = Field(None, description="Window of the max-pooling that follows; null for none.")
    dropout: Fraction = Field(0.0, description="Share of values dropped at the end of the block in training.")


class Cnn(DenseStack):
    """A convolutional network over images; other inputs join before the dense layers."""

    also_called = "conv, convnet, conv_net, convolutional"
    cost = "convolution"
    reads = (("height", "width", "channels"),)
    reads_in_words = "an image"
    usual_input = "image"

    builder: Literal["cnn"]
    blocks: list[ConvBlock] = Field(
        default_factory=lambda: [ConvBlock(filters=32, pool_size=2), ConvBlock(filters=64, pool_size=2)],
        min_length=1,
        description="Convolution blocks, first to last.",
    )
    pooling: Literal["flatten", "average", "max"] = Field(
        "flatten", description="How the last feature map becomes a vector: all values, or one per channel."
    )

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Convolution blocks, a pooling to one vector, dense layers.

        Args:
            inputs: batches of images, shape (batch, height, width, channels), each with convolutions of its own; and
                others, which join as vectors.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: if a block is given fewer rows or columns than its window needs.
        """
        images, others = self.divided(inputs)
        vectors = [self._body(as_map(image), prefix) for prefix, image in images]
        return self.dense_stack(joined(vectors, others))

    def _body(self, x: Any, prefix: str) -> Any:
        """One image as a vector; names of its layers begin with the prefix."""
        for number, block in enumerate(self.blocks):
            x = _conv_block(x, block, number, prefix)
        if self.pooling == "average":
            return origin(layers.GlobalAveragePooling2D(name=f"{prefix}pool"), POOLING)(x)
        if self.pooling == "max":
            return origin(layers.GlobalMaxPooling2D(name=f"{prefix}pool"), POOLING)(x)
        return origin(layers.Flatten(name=f"{prefix}flatten"), POOLING)(x)


def _conv_block(x: Any, block: ConvBlock, number: int, prefix: str) -> Any:
    """One block: convolution, normalisation, activation, pooling, dropout, each if asked for."""
    if block.padding == "valid":
        _window_must_fit(x, block.kernel_size, number, "kernel_size")
    plain, name, key = not block.batch_normalization, f"{prefix}conv_{number + 1}", ("model", "blocks", number)
    convolution = layers.Conv2D(
        block.filters,
        block.kernel_size,
        strides=block.strides,
        padding=block.padding,
        activation=block.activation if plain else None,
        use_bias=plain,
        name=name,
    )
    x = origin(convolution, key)(x)
    if not plain:
        x = origin(layers.BatchNormalization(name=f"{name}_norm"), key)(x)
        x = origin(layers.Activation(block.activation, name=f"{name}_activation"), key)(x)
    if block.pool_size is not None:
        _window_must_fit(x, block.pool_size, number, "pool_size")
        x = origin(layers.MaxPooling2D(block.pool_size, name=f"{name}_pool"), key)(x)
    return drop(x, block.dropout, name, key)


def _window_must_fit(x: Any, window: int | list[int], number: int, field: str) -> None:
    """Refuse a window that is larger than the feature map it is laid on."""
    rows, columns = (window, window) if isinstance(window, int) else window
    height, width = x.shape[1:3]
    if (height is not None and height < rows) or (width is not None and width < columns):
        raise ConfigError(
            Problem(
                "window-too-large",
                f"a window of {rows} x {columns} does not fit a feature map of {height} x {width}",
                key=("model", "blocks", number, field),
                label="too large here",
                help="use fewer blocks, a smaller window, or `padding: same`",
            )
        )
