"""The multi-layer perceptron, and the stack of dense layers that other builders end in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keras import layers

from dlkit.config.schema.model import DenseStack, Mlp


def mlp(inputs: dict[str, Any], settings: Mlp) -> Any:
    """Dense layers over the flattened input.

    Args:
        inputs: one tensor, of any shape (batch, ...).
        settings: units, activation, normalisation, dropout.

    Returns:
        Features, float, shape (batch, last units).
    """
    (x,) = inputs.values()
    if len(x.shape) != 2:
        x = layers.Flatten(name="flatten")(x)
    if not settings.batch_normalization:
        return dense_stack(x, settings)
    for name, units in _named(settings):
        x = layers.Dense(units, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
        x = layers.Activation(settings.activation, name=f"{name}_activation")(x)
        x = drop(x, settings.dropout, name)
    return x


def dense_stack(x: Any, settings: DenseStack) -> Any:
    """The dense layers that a builder's settings ask for, each followed by its dropout."""
    for name, units in _named(settings):
        x = layers.Dense(units, activation=settings.activation, name=name)(x)
        x = drop(x, settings.dropout, name)
    return x


def drop(x: Any, rate: float, after: str) -> Any:
    """Dropout after the layer of that name, where the rate is not 0."""
    return layers.Dropout(rate, name=f"{after}_dropout")(x) if rate else x


def _named(settings: DenseStack) -> Iterator[tuple[str, int]]:
    """Name and units of each dense layer. Names are fixed, so that what is said of a layer means one place."""
    return ((f"dense_{number}", units) for number, units in enumerate(settings.dense, 1))
