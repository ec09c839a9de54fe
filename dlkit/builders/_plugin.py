"""Builders that are functions of a plug-in: `def my_builder(inputs, *, units: int = 64)`, which returns features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict

from dlkit.encoded import Encoded, as_plain
from dlkit.schema.builder import BuilderSettings
from dlkit.schema.plugins import call_plugin


class FromFunction(BuilderSettings):
    """A builder whose settings are the keyword-only parameters of a function. It may take several inputs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    function: ClassVar[Callable[..., Any]]
    # Parameters before the settings, and what a function must look like.
    positional: ClassVar[int] = 1
    form: ClassVar[str] = "one parameter, `inputs`, before the `*`"

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """What the function returns for these inputs, which it is given as float tensors by name.

        Raises:
            ConfigError: whatever the function raises, as the plug-in's own mistake.
        """
        settings = {name: getattr(self, name) for name in type(self).model_fields if name != "builder"}
        tensors = {name: as_plain(x) for name, x in inputs.items()}
        return call_plugin(f"builder `{self.builder}`", ("model",), self.function, tensors, **settings)
