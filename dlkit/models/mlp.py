"""The multi-layer perceptron, and the stack of dense layers that other builders end in."""

from __future__ import annotations

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
        x = layers.Flatten()(x)
    if not settings.batch_normalization:
        return dense_stack(x, settings)
    for units in settings.dense:
        x = layers.Dense(units, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation(settings.activation)(x)
        x = drop(x, settings.dropout)
    return x


def dense_stack(x: Any, settings: DenseStack) -> Any:
    """The dense layers that a builder's settings ask for, each followed by its dropout."""
    for units in settings.dense:
        x = layers.Dense(units, activation=settings.activation)(x)
        x = drop(x, settings.dropout)
    return x


def drop(x: Any, rate: float) -> Any:
    """Dropout, where the rate is not 0."""
    return layers.Dropout(rate)(x) if rate else x
