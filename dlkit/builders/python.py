"""`builder: python`: the network that a function of the user's makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._inputs import must_be_vector
from dlkit.config.problems import ConfigError
from dlkit.encoded import Encoded, as_plain
from dlkit.origins import MODEL
from dlkit.schema.base import FunctionName
from dlkit.schema.builder import BuilderSettings
from dlkit.schema.named_function import call_named


class Python(BuilderSettings):
    """The features that a function of your own makes of the inputs; the heads follow.

    It is given a dictionary of Keras tensors by input: words and categories embedded, and 0 for steps that are padding.
    """

    also_called = "function, callable, py, custom_function"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "function": "callable, target, fn, func, builder_fn, make",
        "arguments": "args, kwargs, params, parameters, settings",
    }

    builder: Literal["python"]
    function: FunctionName = Field(
        description="`module:function`: of an installed module, or of a file beside the configuration, as in "
        "`my_net.py:make`. It returns a tensor of shape (batch, features), or a dictionary of them by target."
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """What the function returns for the inputs as float tensors by name.

        Args:
            inputs: of any kind.

        Returns:
            Features, float, shape (batch, features); or a dictionary of them by target.

        Raises:
            ConfigError: there is no such function, it does not take these arguments, fails, or gives something else.
        """
        tensors = {name: as_plain(given) for name, given in inputs.items()}
        features = call_named(self.function, self.arguments, MODEL, tensors, failed=ConfigError)
        for given in features.values() if isinstance(features, dict) else [features]:
            must_be_vector(given, f"`{self.function}`", ("model", "function"))
        return features
