"""The multi-layer perceptron, and the stack of dense layers that other builders end in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keras import layers

from dlkit.config.problems import Key
from dlkit.config.schema.model import DenseStack, Mlp
from dlkit.origins import MODEL, origin


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
        x = origin(layers.Flatten(name="flatten"), MODEL)(x)
    if not settings.batch_normalization:
        return dense_stack(x, settings)
    for name, units in _named(settings):
        x = origin(layers.Dense(units, use_bias=False, name=name), MODEL)(x)
        x = origin(layers.BatchNormalization(name=f"{name}_norm"), MODEL)(x)
        x = origin(layers.Activation(settings.activation, name=f"{name}_activation"), MODEL)(x)
        x = drop(x, settings.dropout, name, MODEL)
    return x


def dense_stack(x: Any, settings: DenseStack) -> Any:
    """The dense layers that a builder's settings ask for, each followed by its dropout."""
    for name, units in _named(settings):
        x = origin(layers.Dense(units, activation=settings.activation, name=name), MODEL)(x)
        x = drop(x, settings.dropout, name, MODEL)
    return x


def drop(x: Any, rate: float, after: str, key: Key) -> Any:
    """Dropout after the layer of that name, where the rate is not 0; `key` is the section that asks for it."""
    return origin(layers.Dropout(rate, name=f"{after}_dropout"), key)(x) if rate else x


def _named(settings: DenseStack) -> Iterator[tuple[str, int]]:
    """Name and units of each dense layer. Names are fixed, so that what is said of a layer means one place."""
    return ((f"dense_{number}", units) for number, units in enumerate(settings.dense, 1))
