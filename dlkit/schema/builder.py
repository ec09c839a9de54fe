"""What every builder is: the base of the classes in `dlkit/builders/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from dlkit.config.problems import Problem
from dlkit.schema.base import Section
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.schema import Config


class BuilderSettings(Section):
    """What every builder has.

    A new builder is a file in `dlkit/builders/`, whose class has the file's name as `builder: Literal[...]`.
    """

    # What people call this builder elsewhere, comma-separated.
    also_called: ClassVar[str] = ""

    builder: str

    def build(self, inputs: dict[str, Any]) -> Any:
        """The network between the prepared inputs and the heads.

        Args:
            inputs: Keras tensors by the input's name, float, shape (batch, ...), as preprocessing leaves them.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: if the network cannot be built for such inputs.
        """
        raise NotImplementedError(f"the builder `{self.builder}` has no `build`")

    def rules(self, config: Config) -> Iterator[Problem]:
        """What is wrong with the builder, given the whole configuration."""
        yield from ()


BUILDERS = Registry("builder", BuilderSettings, "builder", package="dlkit.builders")
