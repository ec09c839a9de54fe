"""`builder: sequential`: layers of Keras, one behind the other, as in `keras.Sequential`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._inputs import joined, must_be_inputs, must_be_vector
from dlkit.builders._layers import AnyLayer
from dlkit.config.problems import Problem
from dlkit.encoded import Encoded, as_sequence, as_vector
from dlkit.schema.builder import BuilderSettings, Used

if TYPE_CHECKING:
    from dlkit.schema import Config

# What takes most of the time, by parts of the names of layers; the first that fits.
COSTS = {"lstm": "recurrent", "gru": "recurrent", "rnn": "recurrent", "conv": "convolution"}


class Sequential(BuilderSettings):
    """Layers of Keras by name, one behind the other; the heads follow. Other inputs join behind them."""

    also_called = "stack, layers, keras_sequential, custom"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "layers": "layer, stack, network, modules, blocks, dense",
        "input": "inputs, reads, of",
    }

    builder: Literal["sequential"]
    layers: list[AnyLayer] = Field(
        min_length=1,
        description="Layers, first to last, without that of the outputs: each by its name in Keras, in snake_case, "
        "alone or with arguments. A bare value stands for the first argument, as in `{dense: 64}`.",
    )
    input: str | None = Field(
        None, description="The input that goes through the layers; by default the first. Others join as vectors."
    )

    @property
    def cost(self) -> str:  # type: ignore[override]
        """That of its layers."""
        found = [COSTS[part] for part in COSTS if any(part in one.layer for one in self.layers)]
        return found[0] if found else "dense"

    def uses(self, what: Used) -> bool:
        """Whether there is such a layer, or a kind of it."""
        return any(what in one.layer for one in self.layers)

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """The layers on one input, and the other inputs beside what they give.

        Args:
            inputs: of any kind. Words and categories are embedded; steps that a mask leaves out change nothing.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: naming the layer that does not fit what stands before it.
        """
        given = inputs[self.input or next(iter(inputs))]
        x, mask = _tensor(given), given.mask
        counts: dict[str, int] = {}
        for number, one in enumerate(self.layers):
            counts[one.layer] = counts.get(one.layer, 0) + 1
            x, mask = one.build(x, mask, ("model", "layers", number), f"{one.layer}_{counts[one.layer]}")
        help = "end with `flatten`, or with a pooling such as `global_average_pooling2d`"
        must_be_vector(x, "the last layer", ("model", "layers", len(self.layers) - 1), help)
        return joined([x], [other for other in inputs.values() if other is not given])

    def rules(self, config: Config) -> Iterator[Problem]:
        """The input is there, and names of layers are different."""
        if self.input is not None:
            yield from must_be_inputs([(self.input, ("model", "input"))], config)
        seen: dict[str, int] = {}
        for number, one in enumerate(self.layers):
            if one.name is not None and (first := seen.setdefault(one.name, number)) != number:
                message = f"`{one.name}` is the name of layer {first + 1} already"
                yield Problem("contradiction", message, ("model", "layers", number), label="choose another")

    def reads_in_order(self, name: str, config: Config) -> bool:
        """Whether the layers go over the input."""
        return name == (self.input or next(iter(config.data.inputs)))


def _tensor(given: Encoded) -> Any:
    """An input as layers take it: embedded words and categories, and all others as they are."""
    if not given.encoding.vocabulary:
        return given.tensor
    return as_vector(given) if given.mask is None else as_sequence(given)
