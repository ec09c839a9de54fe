"""`builder: rnn`: the recurrent network."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import must_have_rank
from dlkit.lazy import lazy
from dlkit.schema.base import Fraction, Positive

layers = lazy("keras.layers")
CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}


class Rnn(DenseStack):
    """A recurrent network over a sequence; an image is read row by row."""

    also_called = "lstm, gru, recurrent"
    reads = ("sequence", "image")
    reads_in_words = "a sequence or an image"

    builder: Literal["rnn"]
    cell: Literal["lstm", "gru", "simple_rnn"] = Field("lstm", description="Kind of the recurrent layers.")
    units: list[Positive] = Field(
        default_factory=lambda: [64], min_length=1, description="Units of each recurrent layer, first to last."
    )
    bidirectional: bool = Field(False, description="Read the sequence both ways.")
    dropout: Fraction = Field(0.0, description="Share dropped after each recurrent and dense layer in training.")

    def build(self, inputs: dict[str, Any]) -> Any:
        """Recurrent layers over the steps of a sequence, then dense layers on the last output.

        Args:
            inputs: one batch of sequences, shape (batch, steps, channels), or of images, which are read row by row.

        Returns:
            Features, float, shape (batch, features).
        """
        (x,) = inputs.values()
        must_have_rank(x, (3, 4), "an RNN takes sequences of steps and channels, or images")
        if len(x.shape) == 4:
            rows, columns, channels = x.shape[1:]
            x = layers.Reshape((rows, columns * channels), name="rows")(x)
        cell = getattr(layers, CELLS[self.cell])
        for number, units in enumerate(self.units, 1):
            name, last = f"{self.cell}_{number}", number == len(self.units)
            if self.bidirectional:
                x = layers.Bidirectional(cell(units, return_sequences=not last), name=name)(x)
            else:
                x = cell(units, return_sequences=not last, name=name)(x)
            x = drop(x, self.dropout, name)
        return self.dense_stack(x)
