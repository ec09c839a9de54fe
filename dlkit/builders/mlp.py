"""`builder: mlp`: the multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.builders._numbers import Numbers, as_numbers, has_numbers
from dlkit.config.problems import ConfigError, Problem
from dlkit.encoded import Encoded, as_vector
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Positive
from dlkit.schema.builder import Used

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.schema import Config

initializers, layers = lazy("keras.initializers"), lazy("keras.layers")


class Mlp(DenseStack):
    """A multi-layer perceptron over the flattened inputs, side by side."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "dense": f"{DenseStack.fields_also_called['dense']}, layers, units",
        "numbers": "numeric, numerical, num_embeddings, number_embeddings, numeric_embedding, ple, plr, embeddings",
        "normalization": "batch_normalization, batch_norm, batchnorm, bn, norm, layer_norm, layer_normalization",
        "members": "ensemble, ensemble_size, k, tabm, n_members, num_members",
        "residual": "skip, skip_connections, resnet, shortcut",
    }
    cost = "dense"
    also_called = "dense, fc, feedforward, perceptron"

    builder: Literal["mlp"]
    dense: list[Positive] = Field(
        default_factory=lambda: [128], min_length=1, description="Units of each hidden layer."
    )
    numbers: Numbers = Field(
        "auto",
        description="How inputs of kind number are seen: `plain`, as they are; `piecewise`, with 8 numbers for each "
        "column, linear between its quantiles; `periodic`, with 8 numbers of sines and cosines of it. `auto` is "
        "`piecewise` from 2,000 training rows on, else `plain`.",
    )
    normalization: Literal["batch", "layer"] | None = Field(
        None, description="Normalise each hidden layer before its activation, over the batch or over its units."
    )
    residual: bool = Field(
        False, description="Add to each hidden layer the one before it, where that has as many units."
    )
    members: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="Networks whose results are averaged: they share their hidden layers, and each has factors for the "
        "features and a head of its own. 32 is usual; null for one network.",
    )

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Hidden layers over the inputs as vectors.

        Args:
            inputs: of any kind and shape; several join as vectors.

        Returns:
            Features, float, shape (batch, last units), or (batch, members, last units).

        Raises:
            ConfigError: if numbers are to be embedded, and there are none, or no quantiles of them.
        """
        every, _ = self.divided(inputs)
        if self.numbers in ("piecewise", "periodic") and not any(has_numbers(given) for _, given in every):
            message = f"no input is a vector of numbers, for which `numbers: {self.numbers}` is meant"
            raise ConfigError(Problem("contradiction", message, ("model", "numbers"), help="leave it out"))
        x = joined([self._vector(given, prefix) for prefix, given in every])
        if self.members is not None:
            x = self._of_members(x)
        for number, (name, units) in enumerate(self.named_dense()):
            y = self._hidden(x, name, units)
            x = layers.Add(name=f"{name}_residual")([x, y]) if self._adds(number) else y
        return x

    def rules(self, config: Config) -> Iterator[Problem]:
        """There is a hidden layer that another can be added to, and no member changes what another sees."""
        yield from super().rules(config)
        if self.members is not None and self.normalization == "batch":
            message = "`members` are networks of their own, and batch normalisation would mix their values"
            yield Problem("contradiction", message, ("model", "normalization"), help="write `normalization: layer`")
        if self.residual and not any(map(self._adds, range(len(self.dense)))):
            message = "`residual` adds a hidden layer to the next one of as many units, and there are no two such"
            key = ("model", "residual")
            yield Problem("contradiction", message, key, help=f"write `dense: {[self.dense[0]] * 3}`, or leave it out")

    def uses(self, what: Used) -> bool:
        """Whether the network has such layers."""
        return self.normalization == "batch" if what == "batch_normalization" else super().uses(what)

    def head(self, target: Target, **arguments: Any) -> Any:
        """A head, or one for each member."""
        if self.members is None:
            return super().head(target, **arguments)
        bound = self.dense[-1] ** -0.5
        head = layers.EinsumDense(
            "bmd,mdu->bmu",
            (self.members, target.units),
            bias_axes="mu",
            # As of a dense layer for each member, which the axes of a kernel for all of them do not say.
            kernel_initializer=initializers.RandomUniform(-bound, bound),
            name=target.name,
            dtype="float32",
            **arguments,
        )
        return origin(head, target.key)

    def _vector(self, given: Encoded, prefix: str) -> Any:
        """One input: float, shape (batch, features)."""
        return as_numbers(given, self.numbers) if has_numbers(given) else as_vector(given, flatten=f"{prefix}flatten")

    def _of_members(self, x: Any) -> Any:
        """Features as each member sees them, times factors of its own (TabM-mini: Gorishniy et al., ICLR 2025).

        Returns:
            Float, shape (batch, members, features).
        """
        x = layers.RepeatVector(self.members, name="members_repeated")(x)
        normal = initializers.RandomNormal(stddev=1.0)
        scale = layers.EinsumDense("bmd,md->bmd", x.shape[1:], kernel_initializer=normal, name="members")
        return origin(scale, MODEL)(x)

    def _hidden(self, x: Any, name: str, units: int) -> Any:
        """A hidden layer with its normalisation, activation and dropout."""
        if self.normalization is None:
            x = self.dense_layer(units, name, activation=self.activation)(x)
        else:
            kinds = {"batch": layers.BatchNormalization, "layer": layers.LayerNormalization}
            x = self.dense_layer(units, name, use_bias=False)(x)
            x = origin(kinds[self.normalization](name=f"{name}_norm"), MODEL)(x)
            x = origin(layers.Activation(self.activation, name=f"{name}_activation"), MODEL)(x)
        return drop(x, self.dropout, name, MODEL)

    def _adds(self, number: int) -> bool:
        """Whether the hidden layer of that number, from 0, is added to the one before."""
        return self.residual and number > 0 and self.dense[number] == self.dense[number - 1]
