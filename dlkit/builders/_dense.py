"""The stack of dense layers that builders end in: its settings and its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from dlkit.builders._inputs import WithBody
from dlkit.builders._weights import WeightSettings
from dlkit.config.problems import Key
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Activation, Fraction, Positive

layers = lazy("keras.layers")


class DenseStack(WithBody, WeightSettings):
    """Dense layers between a builder's features and the heads."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        **WeightSettings.fields_also_called,
        "dense": "hidden, hidden_units, hidden_layers, hidden_sizes, layer_sizes, fc, mlp, widths",
        "activation": "act, activation_fn, nonlinearity",
        "dropout": "dropout_rate, drop, drop_rate",
    }

    dense: list[Positive] = Field(default_factory=list, description="Units of each dense layer before the head.")
    activation: Activation = Field("relu", description="Activation of the dense layers.")
    dropout: Fraction = Field(0.0, description="Share of units dropped after each dense layer in training.")

    def dense_stack(self, x: Any) -> Any:
        """The dense layers that the settings ask for, each followed by its dropout.

        Args:
            x: float, shape (batch, features).
        """
        for name, units in self.named_dense():
            x = self.dense_layer(units, name, activation=self.activation)(x)
            x = drop(x, self.dropout, name, MODEL)
        return x

    def dense_layer(self, units: int, name: str, **arguments: Any) -> Any:
        """A dense layer with the weights that the settings ask for.

        Args:
            units: of it.
            name: of it.
            arguments: further ones of `keras.layers.Dense`.
        """
        return origin(layers.Dense(units, name=name, **arguments, **self.of_weights(MODEL)), MODEL)

    def named_dense(self) -> Iterator[tuple[str, int]]:
        """Name and units of each dense layer. Names are fixed, so that what is said of a layer means one place."""
        return ((f"dense_{number}", units) for number, units in enumerate(self.dense, 1))


def drop(x: Any, rate: float, after: str, key: Key) -> Any:
    """Dropout after the layer of that name, where the rate is not 0; `key` is the section that asks for it."""
    return origin(layers.Dropout(rate, name=f"{after}_dropout"), key)(x) if rate else x
