"""The recurrent network."""

from __future__ import annotations

from typing import Any

from keras import layers

from dlkit.config.schema.model import Rnn
from dlkit.models.cnn import must_have_rank
from dlkit.models.mlp import dense_stack, drop
from dlkit.origins import MODEL, origin

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}


def rnn(inputs: dict[str, Any], settings: Rnn) -> Any:
    """Recurrent layers over the steps of a sequence, then dense layers on the last output.

    Args:
        inputs: one batch of sequences, shape (batch, steps, channels), or of images, which are read row by row.
        settings: cell, units, directions, dense layers.

    Returns:
        Features, float, shape (batch, features).
    """
    (x,) = inputs.values()
    must_have_rank(x, (3, 4), "an RNN takes sequences of steps and channels, or images")
    if len(x.shape) == 4:
        rows, columns, channels = x.shape[1:]
        x = origin(layers.Reshape((rows, columns * channels), name="rows"), MODEL)(x)
    for number, units in enumerate(settings.units, 1):
        name, last = f"{settings.cell}_{number}", number == len(settings.units)
        if settings.bidirectional:
            layer = layers.Bidirectional(CELLS[settings.cell](units, return_sequences=not last), name=name)
        else:
            layer = CELLS[settings.cell](units, return_sequences=not last, name=name)
        # Its activation is that of the cell, not the one of the section.
        x = origin(layer, ("model", "units", number - 1))(x)
        x = drop(x, settings.dropout, name, MODEL)
    return dense_stack(x, settings)
