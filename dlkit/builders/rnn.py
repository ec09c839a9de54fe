"""`builder: rnn`: the recurrent network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._blocks._maps import Maps
from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.builders._pooling import pooled
from dlkit.config.problems import Problem
from dlkit.encoded import Encoded, as_sequence
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Activation, Fraction, Positive, Section
from dlkit.schema.keras_objects import AnyConstraint, AnyInitializer, AnyRegularizer

if TYPE_CHECKING:
    from dlkit.schema import Config

layers = lazy("keras.layers")
CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}


class Convolution(Section):
    """A convolution over the steps of a sequence, which keeps their number but for its stride."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "filters": "channels, out_channels, units",
        "kernel_size": "kernel, window, size, width",
        "strides": "stride",
        "activation": "act, activation_fn",
    }

    filters: Positive = Field(description="Output channels of the convolution.")
    kernel_size: Positive = Field(5, description="Steps of the window.")
    strides: Positive = Field(1, description="Steps from one window to the next; more than 1 shorten the sequence.")
    activation: Activation = Field("relu", description="Activation after the convolution.")

    def build(self, x: Any, mask: Any, prefix: str, weights: Mapping[str, Any]) -> tuple[Any, Any]:
        """The convolution of a sequence.

        Args:
            x: float, shape (batch, steps, channels); 0 where the mask is False.
            mask: bool, shape (batch, steps); None where every step is there.
            prefix: of the layer's name.
            weights: arguments of the layer that say how its weights begin, and what keeps them small.

        Returns:
            Its output, and the mask of that.
        """
        maps = Maps(x, mask, ("model", "conv")).convolved(
            "Conv",
            self.kernel_size,
            self.strides,
            filters=self.filters,
            activation=self.activation,
            name=f"{prefix}conv",
            **weights,
        )
        return maps.filled().x, maps.mask


class Rnn(DenseStack):
    """A recurrent network over a sequence or a text; an image is read row by row, other inputs join behind it."""

    also_called = "lstm, gru, recurrent"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "cell": "cell_type, rnn_type, type, recurrent",
        "units": "hidden, hidden_size, hidden_units, rnn_units, layers",
        "layer_norm": "layer_normalization, normalization, norm",
        "pooling": "pool, return_sequences, attention, aggregate",
        "conv": "convolution, conv1d, cnn",
    }
    cost = "recurrent"
    reads = (("steps", "channels"), ("tokens",), ("height", "width", "channels"))
    reads_in_words = "a sequence, a text or an image"
    usual_input = "sequence"

    builder: Literal["rnn"]
    cell: Literal["lstm", "gru", "simple_rnn"] = Field("lstm", description="Kind of the recurrent layers.")
    units: list[Positive] = Field(
        default_factory=lambda: [64], min_length=1, description="Units of each recurrent layer, first to last."
    )
    bidirectional: bool = Field(False, description="Read the sequence both ways.")
    dropout: Fraction = Field(0.0, description="Share dropped after each recurrent and dense layer in training.")
    recurrent_dropout: Fraction = Field(
        0.0, description="Share of the state dropped from step to step in training; slow on a GPU."
    )
    layer_norm: bool = Field(False, description="Normalise the output of each recurrent layer.")
    pooling: Literal["last", "average", "max", "attention"] = Field(
        "last",
        description="How the steps of the last recurrent layer become a vector: the last one, the average or largest "
        "value of each channel, or an average by weights that are learned.",
    )
    conv: Convolution | None = Field(None, description="A convolution in front of the recurrent layers; null for none.")
    recurrent_initializer: AnyInitializer | None = Field(
        None, description="First values of the kernels from step to step; by default `orthogonal`."
    )
    recurrent_regularizer: AnyRegularizer | None = Field(
        None, description="Penalty of the kernels from step to step in the loss."
    )
    recurrent_constraint: AnyConstraint | None = Field(
        None, description="What the kernels from step to step are kept to after each update."
    )

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Recurrent layers over the steps of a sequence, a pooling to one vector, then dense layers.

        Args:
            inputs: batches of sequences, shape (batch, steps, channels), of texts, whose tokens are embedded, or of
                images, which are read row by row, each with recurrent layers of its own; and others, which join as
                vectors. Steps that a mask leaves out change nothing, and the last output is that of the last step that
                is there.

        Returns:
            Features, float, shape (batch, features).
        """
        sequences, others = self.divided(inputs)
        vectors = [
            self._body(as_sequence(given, rows=f"{prefix}rows"), given.mask, prefix) for prefix, given in sequences
        ]
        return self.dense_stack(joined(vectors, others))

    def rules(self, config: Config) -> Iterator[Problem]:
        """There is an input that it reads; what keeps a GPU from its fast layers is reported."""
        yield from super().rules(config)
        if self.recurrent_dropout and self.cell != "simple_rnn":
            message = f"with `recurrent_dropout` Keras cannot use the fast {CELLS[self.cell]} of a GPU (cuDNN)"
            help = "on a GPU use `dropout` instead, which works between layers"
            key = ("model", "recurrent_dropout")
            yield Problem("slow-setting", message, key, help=help, severity="warning")

    def _of_cell(self) -> dict[str, Any]:
        """What is asked for of the weights of a recurrent layer, as its arguments."""
        fields = ("recurrent_initializer", "recurrent_regularizer", "recurrent_constraint")
        stated = {name: given for name in fields if (given := getattr(self, name)) is not None}
        return {**self.of_weights(MODEL), **{name: given.make((*MODEL, name), 2) for name, given in stated.items()}}

    def _body(self, x: Any, mask: Any, prefix: str) -> Any:
        """The vector of one sequence; names of its layers begin with the prefix."""
        if self.conv is not None:
            x, mask = self.conv.build(x, mask, prefix, self.of_weights(MODEL, axes=3))
        # Keras's hidden mask attribute is lost on the way; an argument is not.
        masks = {} if mask is None else {"mask": mask}
        cell = getattr(layers, CELLS[self.cell])
        for number, units in enumerate(self.units, 1):
            name, key = f"{prefix}{self.cell}_{number}", ("model", "units", number - 1)
            every = number < len(self.units) or self.pooling != "last"
            one = {"recurrent_dropout": self.recurrent_dropout, "return_sequences": every, **self._of_cell()}
            if self.bidirectional:
                layer = layers.Bidirectional(cell(units, **one), name=name)
            else:
                layer = cell(units, **one, name=name)
            # Its activation is that of the cell, not the one of the section.
            x = origin(layer, key)(x, **masks)
            if self.layer_norm:
                x = origin(layers.LayerNormalization(name=f"{name}_norm"), key)(x)
            x = drop(x, self.dropout, name, MODEL)
        return x if self.pooling == "last" else pooled(x, mask, self.pooling, prefix, ("model", "pooling"))
