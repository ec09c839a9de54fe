"""Settings of `model`: one class for each builder, told apart by `builder`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dlkit.config.schema.base import Activation, Fraction, Positive, Section

Size = Positive | Annotated[list[Positive], Field(min_length=2, max_length=2)]


class DenseStack(Section):
    """Dense layers between a builder's features and the heads."""

    dense: list[Positive] = Field(default_factory=list, description="Units of each dense layer before the head.")
    activation: Activation = Field("relu", description="Activation of the dense layers.")
    dropout: Fraction = Field(0.0, description="Share of units dropped after each dense layer in training.")


class Mlp(DenseStack):
    """A multi-layer perceptron over the flattened input."""

    cost: ClassVar[str | None] = "dense"

    builder: Literal["mlp"]
    dense: list[Positive] = Field(
        default_factory=lambda: [128], min_length=1, description="Units of each hidden layer."
    )
    batch_normalization: bool = Field(False, description="Normalise each hidden layer before its activation.")


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
    """A convolutional network over images."""

    cost: ClassVar[str | None] = "convolution"

    builder: Literal["cnn"]
    blocks: list[ConvBlock] = Field(
        default_factory=lambda: [ConvBlock(filters=32, pool_size=2), ConvBlock(filters=64, pool_size=2)],
        min_length=1,
        description="Convolution blocks, first to last.",
    )
    pooling: Literal["flatten", "average", "max"] = Field(
        "flatten", description="How the last feature map becomes a vector: all values, or one per channel."
    )


class Rnn(DenseStack):
    """A recurrent network over a sequence; an image is read row by row."""

    cost: ClassVar[str | None] = "recurrent"

    builder: Literal["rnn"]
    cell: Literal["lstm", "gru", "simple_rnn"] = Field("lstm", description="Kind of the recurrent layers.")
    units: list[Positive] = Field(
        default_factory=lambda: [64], min_length=1, description="Units of each recurrent layer, first to last."
    )
    bidirectional: bool = Field(False, description="Read the sequence both ways.")
    dropout: Fraction = Field(0.0, description="Share dropped after each recurrent and dense layer in training.")


Model = Annotated[Mlp | Cnn | Rnn, Field(discriminator="builder")]
