"""Which weights are trained, from which epoch on, and at which rates."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.keras_internals import flattened
from dlkit.schema.optimizers import OptimizerBase
from dlkit.schema.training import Training
from dlkit.training.program.optimizers import Rates, make_optimizer

FREEZE, RATES = ("training", "freeze"), ("training", "layer_rates")


@dataclass(frozen=True)
class Trained:
    """The weights of a network that are trained, sooner or later.

    Attributes:
        variables: all of them, in the order of the network.
        frozen: the layers that `training.freeze` names and those inside of them, from outside in, and whether each is
            trained where nothing is frozen.
        rates: how the variables differ; None where they do not.
    """

    variables: Sequence[keras.Variable]
    frozen: Sequence[tuple[keras.layers.Layer, bool]]
    rates: Rates | None

    def freeze(self, *, frozen: bool) -> None:
        """Keep the weights of these layers, statistics of batch normalisation among them, as they are; or train them.

        Programs that were traced before do not see it.
        """
        for layer, trained in self.frozen:
            layer.trainable = trained and not frozen

    def optimizer(self, settings: OptimizerBase, rate: Any, precision: str) -> keras.optimizers.Optimizer:
        """An optimizer that has its variables for all of the weights, also of those that are frozen now.

        Args:
            settings: kind and arguments.
            rate: a number or a Keras schedule.
            precision: of the computation.
        """
        optimizer = make_optimizer(settings, rate, precision, self.rates)
        optimizer.build(list(self.variables))
        return optimizer


def trained_weights(network: keras.Model, settings: Training) -> Trained:
    """Freeze the layers that a run begins with frozen, and find which weights it trains, and how.

    Args:
        network: nothing of which is frozen yet.
        settings: of the run.

    Raises:
        ConfigError: if a pattern fits no layer with weights, or no layer would be left to train.
    """
    layers = [x for n, pattern in enumerate(settings.freeze) for x in _named(network, pattern, (*FREEZE, n))]
    frozen = [(part, bool(part.trainable)) for layer in layers for part in flattened(layer)]
    later, factors = network.trainable_variables, _factors(network, settings)
    for layer in layers:
        layer.trainable = False
    now = network.trainable_variables
    if layers and not now:
        message = "every layer is frozen, and nothing would be trained"
        raise ConfigError(Problem("no-such-layer", message, key=FREEZE, help="leave the last layer out"))
    variables = now if settings.unfreeze_after is None else later
    known = {id(variable) for variable in now}
    late = [number for number, variable in enumerate(variables) if id(variable) not in known]
    if not late and not settings.layer_rates:
        return Trained(variables, frozen, None)
    return Trained(variables, frozen, Rates([factors.get(id(v), 1.0) for v in variables], late))


def are_frozen(settings: Training, epoch: int) -> bool:
    """Whether the layers of `training.freeze` are frozen in an epoch, counted from 0."""
    return settings.unfreeze_after is None or epoch < settings.unfreeze_after


def _factors(network: keras.Model, settings: Training) -> dict[int, float]:
    """What the learning rate is multiplied with, by the variable's identity; of several patterns the first counts."""
    found: dict[int, float] = {}
    for pattern, rates in settings.layer_rates.items():
        named = _named(network, pattern, (*RATES, pattern))
        parts = [part for layer in named for part in _in_order(layer) if part.trainable_variables]
        first, last = rates if isinstance(rates, list) else (rates, rates)
        for number, part in enumerate(parts):
            factor = first * (last / first) ** (number / max(1, len(parts) - 1))
            found = {**{id(variable): factor for variable in part.trainable_variables}, **found}
    return found


def _named(network: keras.Model, pattern: str, key: Key) -> list[keras.layers.Layer]:
    """The layers with weights whose names a pattern fits.

    Raises:
        ConfigError: if there is none.
    """
    layers = {layer.name: layer for layer in network.layers if layer.weights}
    fitting = fnmatch.filter(layers, pattern)
    if not fitting:
        message = f"no layer with weights is called `{pattern}`"
        raise ConfigError(Problem("no-such-layer", message, key, help=f"there are {', '.join(layers)}"))
    return [layers[name] for name in fitting]


def _in_order(layer: Any) -> Iterator[keras.layers.Layer]:
    """A layer; of a model its layers, from the input on."""
    if isinstance(layer, keras.Model):
        for part in layer.layers:
            yield from _in_order(part)
    else:
        yield layer
