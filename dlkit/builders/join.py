"""`builder: join`: a network of its own for each input, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack
from dlkit.builders._inputs import joined, must_be_inputs, must_be_vector
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.encoded import Encoded
from dlkit.lazy import lazy
from dlkit.origins import placed
from dlkit.schema.builder import BUILDERS, BuilderSettings, Used

if TYPE_CHECKING:
    from dlkit.schema import Config

    Part = BuilderSettings
else:
    # Those that give features, and not the outputs themselves.
    Part = BUILDERS.type(lambda cls: cls.logits is BuilderSettings.logits and cls is not Join)

keras = lazy("keras")
# What takes most of the time, of several that a step has.
COSTS = ("convolution", "recurrent", "dense")


class Join(DenseStack):
    """A builder for each input; their features stand side by side, and dense layers may follow.

    Inputs that have no builder join as vectors.
    """

    also_called = "multi_input, multimodal, multi_modal, towers, concat, concatenate, fusion, branches"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "inputs": "builders, branches, towers, parts, models, encoders",
    }

    builder: Literal["join"]
    inputs: dict[str, Part] = Field(min_length=1, description="The builder of each input, by the input's name.")

    @property
    def cost(self) -> str | None:  # type: ignore[override]
        """That of the part that costs most."""
        found = [part.cost for part in self.inputs.values()]
        return None if None in found else next(cost for cost in COSTS if cost in found)

    def uses(self, what: Used) -> bool:
        """Whether a part has such layers, or the dense layers behind them."""
        return super().uses(what) or any(part.uses(what) for part in self.inputs.values())

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """The features of every builder, then dense layers.

        Args:
            inputs: of any kind.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: as the builders, at their own settings.
        """
        vectors = [self._features(name, part, inputs[name]) for name, part in self.inputs.items()]
        return self.dense_stack(joined(vectors, [x for name, x in inputs.items() if name not in self.inputs]))

    def rules(self, config: Config) -> Iterator[Problem]:
        """Every name is an input's, and each builder can read it and gives one vector for each example."""
        yield from must_be_inputs([(name, ("model", "inputs", name)) for name in self.inputs], config)
        for name, part in self.inputs.items():
            if part.uses("members"):
                message = (
                    f"the builder of `{name}` has members, each with features of its own, and `join` needs one vector"
                )
                yield Problem("contradiction", message, ("model", "inputs", name, "members"), help="leave them out")
            if name in config.data.inputs:
                yield from (_at(problem, name) for problem in part.rules(_alone(config, name, part)))

    def takes_pixels(self, name: str, config: Config) -> bool:
        """Whether the input's own builder does."""
        return name in self.inputs and self.inputs[name].takes_pixels(name, config)

    def reads_in_order(self, name: str, config: Config) -> bool:
        """Whether the input's own builder does."""
        return name in self.inputs and self.inputs[name].reads_in_order(name, _alone(config, name, self.inputs[name]))

    def _features(self, name: str, part: BuilderSettings, given: Encoded) -> Any:
        """The features of one input; names of the layers begin with the input's."""
        try:
            with placed(("model", "inputs", name)), keras.name_scope(name):
                features = part.build({name: given})
        except ConfigError as error:
            raise ConfigError([_at(problem, name) for problem in error.problems]) from error
        must_be_vector(features, f"the builder of `{name}`", ("model", "inputs", name))
        before = [x for x in (given.tensor, given.mask) if x is not None]
        for operation in keras.Function(before, features).operations:
            if not operation.name.startswith(f"{name}_") and not isinstance(operation, keras.layers.InputLayer):
                operation.name = f"{name}_{operation.name}"
        return features


def _at(problem: Problem, name: str) -> Problem:
    """A problem of the builder of an input at its place; those of other sections stay at theirs."""
    key: Key = problem.key
    return replace(problem, key=("model", "inputs", name, *key[1:])) if key[:1] == ("model",) else problem


def _alone(config: Config, name: str, part: BuilderSettings) -> Config:
    """The configuration as if there were one input, and its builder were the network's."""
    data = config.data.model_copy(update={"inputs": {name: config.data.inputs[name]}})
    return config.model_copy(update={"data": data, "model": part})
