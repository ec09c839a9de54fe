"""What every builder is: the base of the classes in `dlkit/builders/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel

from dlkit.config.problems import Key, Problem
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.base import Section
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.encoded import Encoded
    from dlkit.schema import Config

layers = lazy("keras.layers")


Used = Literal["backbone", "batch_normalization", "dropout", "members"]


class Pretrained(Section):
    """Settings of a layer that may begin with trained weights: a model within the network."""

    @property
    def begins_trained(self) -> bool:
        """Whether these settings name weights."""
        raise NotImplementedError

    def load(self, layer: Any, key: Key) -> str:
        """Put the weights into the layer that these settings made.

        Args:
            layer: of the network.
            key: of these settings.

        Returns:
            What it begins with, in a sentence.

        Raises:
            ConfigError: if a file of weights is not there.
            RunError: if it cannot be used, or weights cannot be downloaded.
        """
        raise NotImplementedError


class BuilderSettings(Section):
    """What every builder has.

    A new builder is a file in `dlkit/builders/`, whose class has the file's name as `builder: Literal[...]`.
    """

    # What people call this builder elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # What takes most of the time of a step: "convolution", "recurrent" or "dense"; None where that is not known. The
    # rules of XLA and micro-batches ask for it.
    cost: ClassVar[str | None] = None

    # The kind of input that it is mostly used for, as its function in a notebook takes it.
    usual_input: ClassVar[str] = "number"

    builder: str

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """The network between the prepared inputs and the heads.

        Args:
            inputs: by name, as preprocessing leaves them; `dlkit.encoded` makes a vector, a sequence or a map of
                one.

        Returns:
            Features, float, shape (batch, features); or a dictionary of them by target.

        Raises:
            ConfigError: if the network cannot be built for such inputs.
        """
        raise NotImplementedError(f"the builder `{self.builder}` has no `build`")

    def logits(self, inputs: Mapping[str, Encoded], targets: Mapping[str, Target]) -> dict[str, Any]:
        """What the network gives for each target: a head on the features, unless the builder makes it in another way.

        Args:
            inputs: as for `build`.
            targets: what is predicted, by name.

        Returns:
            Float32, shape (batch, units), or (batch, members, units) of several networks, by target.

        Raises:
            ConfigError: as `build`.
        """
        features = self.build(inputs)
        by_target = features if isinstance(features, dict) else dict.fromkeys(targets, features)
        return {name: self.head(target)(by_target[name]) for name, target in targets.items()}

    def head(self, target: Target, **arguments: Any) -> Any:
        """The layer that makes the logits of a target of features.

        Args:
            target: what is predicted.
            arguments: further ones of `keras.layers.Dense`.
        """
        # In float32 whatever the precision of the network: half precision would round probabilities.
        head = layers.Dense(target.units, name=target.name, dtype="float32", **arguments)
        return origin(head, target.key)

    def rules(self, config: Config) -> Iterator[Problem]:
        """What is wrong with the builder, given the whole configuration."""
        yield from ()

    def uses(self, what: Used) -> bool:
        """Whether the network has such layers: by default whether a setting of that name is on, here or below."""
        return any(_values_of(self, what))

    def takes_pixels(self, name: str, config: Config) -> bool:
        """Whether the network scales the pixels of an input of this name itself."""
        return False

    def reads_in_order(self, name: str, config: Config) -> bool:
        """Whether the network goes over the steps or tokens of an input of this name in their order."""
        return False


def _values_of(settings: Any, field: str) -> Iterator[Any]:
    """The values of all fields of a name, in a section and in all sections below it."""
    if isinstance(settings, BaseModel):
        for name in type(settings).model_fields:
            value = getattr(settings, name)
            if name == field:
                yield value
            yield from _values_of(value, field)
    elif isinstance(settings, list | dict):
        for item in settings.values() if isinstance(settings, dict) else settings:
            yield from _values_of(item, field)


BUILDERS = Registry("builder", BuilderSettings, "builder", package="dlkit.builders")
