"""`builder: rnn`: the recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.encoded import Encoded, as_sequence
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Fraction, Positive

layers = lazy("keras.layers")
CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}


class Rnn(DenseStack):
    """A recurrent network over a sequence or a text; an image is read row by row, other inputs join behind it."""

    also_called = "lstm, gru, recurrent"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "cell": "cell_type, rnn_type, type, recurrent",
        "units": "hidden, hidden_size, hidden_units, rnn_units, layers",
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

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Recurrent layers over the steps of a sequence, then dense layers on the last output.

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

    def _body(self, x: Any, mask: Any, prefix: str) -> Any:
        """The last output of one sequence; names of its layers begin with the prefix."""
        # Keras's hidden mask attribute is lost on the way; an argument is not.
        masks = {} if mask is None else {"mask": mask}
        cell = getattr(layers, CELLS[self.cell])
        for number, units in enumerate(self.units, 1):
            name, last = f"{prefix}{self.cell}_{number}", number == len(self.units)
            if self.bidirectional:
                layer = layers.Bidirectional(cell(units, return_sequences=not last), name=name)
            else:
                layer = cell(units, return_sequences=not last, name=name)
            # Its activation is that of the cell, not the one of the section.
            x = origin(layer, ("model", "units", number - 1))(x, **masks)
            x = drop(x, self.dropout, name, MODEL)
        return x
