"""`builder: mlp`: the multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.encoded import Encoded, as_vector
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Positive

layers = lazy("keras.layers")


class Mlp(DenseStack):
    """A multi-layer perceptron over the flattened inputs, side by side."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "dense": f"{DenseStack.fields_also_called['dense']}, layers, units",
    }
    cost = "dense"
    also_called = "dense, fc, feedforward, perceptron"

    builder: Literal["mlp"]
    dense: list[Positive] = Field(
        default_factory=lambda: [128], min_length=1, description="Units of each hidden layer."
    )
    batch_normalization: bool = Field(False, description="Normalise each hidden layer before its activation.")

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Dense layers over the flattened inputs.

        Args:
            inputs: of any kind and shape; several join as vectors.

        Returns:
            Features, float, shape (batch, last units).
        """
        every, _ = self.divided(inputs)
        x = joined([as_vector(given, flatten=f"{prefix}flatten") for prefix, given in every])
        if not self.batch_normalization:
            return self.dense_stack(x)
        for name, units in self.named_dense():
            x = origin(layers.Dense(units, use_bias=False, name=name), MODEL)(x)
            x = origin(layers.BatchNormalization(name=f"{name}_norm"), MODEL)(x)
            x = origin(layers.Activation(self.activation, name=f"{name}_activation"), MODEL)(x)
            x = drop(x, self.dropout, name, MODEL)
        return x
