"""One layer of Keras by its name: its settings, and how it is put behind others."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_serializer, model_validator

from dlkit.config import keras_names
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.config.short_forms import SingleKey
from dlkit.origins import origin
from dlkit.schema.base import Section, Text, check_arguments, unknown_choice, word_category
from dlkit.schema.features import in_words
from dlkit.schema.keras_objects import keras_argument, keras_class, refusals_of_keras

# What to write instead of a layer that a stack cannot have, by the beginning of its name.
_INSTEAD = {
    "bidirectional": "write `builder: rnn` with `bidirectional: true`",
    "embedding": "words and categories are embedded already: state `embedding:` at the input",
    "input": "the network takes what `data.inputs` says: leave it out",
    "lambda": "write a builder of your own, as a plug-in",
    "masking": "padding is masked already: leave it out",
    "normalization": "it belongs in `preprocess` of the input, as `normalize`",
    "rescaling": "it belongs in `preprocess` of the input, as `rescale`",
    "resizing": "it belongs in `preprocess` of the input, as `resize`",
    "random": "it belongs in `augment` of the input",
}


def _known() -> dict[str, list[str]]:
    return keras_names.table()["layers"]


class Layer(Section):
    """A Keras layer from one tensor to another, with the arguments of its constructor: `flatten`, `{dense: 64}`,
    `{conv2d: {filters: 32, kernel_size: 3}}`.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    layer: str = Field(description="Name of the layer in Keras, in snake_case.")
    name: Text | None = Field(None, description="Its own name in the network; by default its kind with its number.")

    @model_validator(mode="after")
    def _is_known(self) -> Layer:
        if self.layer not in (known := _known()):
            word = keras_names.layer_name(self.layer)
            hint = next((does for begin, does in _INSTEAD.items() if word.startswith(begin)), "")
            hint = hint or (f"did you mean `{word}`?" if word in known else "")
            raise unknown_choice(self.layer, sorted(known), hint, "layer")
        check_arguments(self, self.layer, known[self.layer])
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        settings = {key: value for key, value in handler(self).items() if key != "layer" and value is not None}
        return {self.layer: settings} if settings else self.layer

    def build(self, x: Any, mask: Any, key: Key, name: str) -> tuple[Any, Any]:
        """The layer behind others.

        Args:
            x: float, shape (batch, ...).
            mask: bool, shape (batch, steps): which steps are there; None where all are.
            key: of these settings.
            name: the layer's own, where the settings have none.

        Returns:
            What the layer gives, and the mask of its steps.

        Raises:
            ConfigError: Keras refuses the arguments or the input, or padding would change the result.
        """
        stated = {
            name: keras_argument(value, word_category(name), (*key, self.layer, name))
            for name, value in (self.model_extra or {}).items()
        }
        arguments: dict[str, Any] = {"name": self.name or name, **stated}
        cls = keras_class("layers", self.layer)
        assert cls is not None, "the text phase knows Keras's names"
        if absent := [a for a in _required(cls) if a not in arguments]:
            raise ConfigError(Problem("missing-key", f"`{self.layer}` needs `{absent[0]}`", key))
        with refusals_of_keras(f"`{self.layer}`", key):
            made = cls(**arguments)
        origin(made, key)
        takes_mask = "mask" in inspect.signature(made.call).parameters
        if mask is not None and not takes_mask and not made.supports_masking:
            message = f"`{self.layer}` goes over padding as well, which would change what the network says"
            help = "take `builder: cnn` or `rnn`, or begin with a recurrent layer or `global_average_pooling1d`"
            raise ConfigError(Problem("padding-counts", message, key, help=help))
        with refusals_of_keras(f"`{self.layer}` on {in_words(x.shape[1:])}", key):
            given = {} if mask is None or not takes_mask else {"mask": mask}
            gives = made(x, **given)
            list(made.losses)  # a penalty may not be for weights of such a shape
            return gives, None if mask is None else made.compute_mask(x, mask)


def _required(cls: type[Any]) -> list[str]:
    """The arguments that a class cannot do without."""
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]


def _first_argument(name: str) -> str:
    """The argument that a bare value stands for: the first one."""
    known = _known()
    return next(iter(known[name]), "") if name in known else "value"  # of an unknown layer, which is reported


AnyLayer = Annotated[Layer, SingleKey("layer", _first_argument, noun="layer", lists=True)]
