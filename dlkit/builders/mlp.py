"""`builder: mlp`: the multi-layer perceptron."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.lazy import lazy
from dlkit.schema.base import Positive

layers = lazy("keras.layers")


class Mlp(DenseStack):
    """A multi-layer perceptron over the flattened input."""

    also_called = "dense, fc, feedforward, perceptron"

    builder: Literal["mlp"]
    dense: list[Positive] = Field(
        default_factory=lambda: [128], min_length=1, description="Units of each hidden layer."
    )
    batch_normalization: bool = Field(False, description="Normalise each hidden layer before its activation.")

    def build(self, inputs: dict[str, Any]) -> Any:
        """Dense layers over the flattened input.

        Args:
            inputs: one tensor, of any shape (batch, ...).

        Returns:
            Features, float, shape (batch, last units).
        """
        (x,) = inputs.values()
        if len(x.shape) != 2:
            x = layers.Flatten(name="flatten")(x)
        if not self.batch_normalization:
            return self.dense_stack(x)
        for name, units in self.named_dense():
            x = layers.Dense(units, use_bias=False, name=name)(x)
            x = layers.BatchNormalization(name=f"{name}_norm")(x)
            x = layers.Activation(self.activation, name=f"{name}_activation")(x)
            x = drop(x, self.dropout, name)
        return x
