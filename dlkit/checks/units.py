"""Rules on what the units of an untrained network give on the first batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from dlkit.checks.context import CheckContext
from dlkit.config.problems import Problem
from dlkit.models.outline import operations
from dlkit.origins import MODEL

# Fewer examples say little of a unit.
FEWEST_EXAMPLES = 16
# The share of units, or of their values, from which a layer is named.
MANY = 0.5
# Where the slope of a bounded activation is below a hundredth or so of its largest.
_BOUNDS = {"sigmoid": (0.01, 0.99), "hard_sigmoid": (0.01, 0.99), "tanh": (-0.99, 0.99)}
_ZERO = {"relu", "relu6"}


def dead_units(case: CheckContext) -> Iterator[Problem]:
    """Units that give 0 for every example have no gradient: they never begin to learn."""
    for layer, values in _activations(case, _ZERO):
        dead = float((values == 0).all(axis=0).mean())
        if dead > MANY:
            yield _problem(case, "dead-units", layer, f"{dead:.0%} of the units give 0 for all {len(values):,} values")
            return


def saturated_units(case: CheckContext) -> Iterator[Problem]:
    """Values at the bounds of a sigmoid or tanh pass on next to no gradient."""
    for layer, values in _activations(case, _BOUNDS):
        low, high = _BOUNDS[layer.activation.__name__]
        share = float(((values < low) | (values > high)).mean())
        if share > MANY:
            name = layer.activation.__name__
            yield _problem(case, "saturated-units", layer, f"{share:.0%} of its values are at the bounds of {name}")
            return


def equal_units(case: CheckContext) -> Iterator[Problem]:
    """Units that begin with equal weights get equal gradients, and stay equal for ever."""
    if case.trial is None or case.initial_weights:
        return
    for layer in case.built.network.layers:
        kernel = getattr(layer, "kernel", None)
        if not isinstance(layer, layers.Dense | layers.Conv1D | layers.Conv2D) or kernel is None:
            continue
        values = np.asarray(kernel)
        if values.shape[-1] > 1 and (values == values[..., :1]).all() and layer.trainable:
            message = f"all {values.shape[-1]:,} units of `{layer.name}` begin with equal weights, and stay equal"
            help = "take an initializer that draws them, such as `glorot_uniform` or `he_normal`"
            yield Problem("equal-units", message, case.built.origins.get(layer.name, MODEL), help=help)
            return


def _activations(case: CheckContext, names: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """Layers that end in one of some functions, and what their units give on the first batch: (values, units)."""
    if case.trial is None or len(case.batches["train"].batch.rows) < FEWEST_EXAMPLES:
        return
    network = case.built.network
    chosen = [
        (layer, gives[0])
        for layer, _, gives in operations(network)
        if getattr(getattr(layer, "activation", None), "__name__", "") in names and not isinstance(layer, layers.RNN)
    ]
    if not chosen:
        return
    prepared = case.batches["train"].prepared
    given = prepared if isinstance(network.input, dict) else next(iter(prepared.values()))
    found = keras.Model(network.input, [tensor for _, tensor in chosen])(given, training=False)
    for (layer, _), values in zip(chosen, found if isinstance(found, list) else [found], strict=True):
        yield layer, np.asarray(values).reshape(-1, values.shape[-1])


def _problem(case: CheckContext, code: str, layer: Any, what: str) -> Problem:
    message = f"`{layer.name}`: {what} on the first batch, before any update"
    help = "look at the scale of its inputs and of its initial weights"
    return Problem(code, message, case.built.origins.get(layer.name, MODEL), help=help, severity="warning")
