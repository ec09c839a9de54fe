"""Optimizers: Keras's own, but for clipping, which the loop does after gradients are added up over replicas."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.keras_internals import by_variable, momentums, moving_averages
from dlkit.schema.keras_objects import keras_optimizer
from dlkit.schema.optimizers import Optimizer, OptimizerBase

# What the loop does itself, after gradients are added up over replicas; Keras would do it on each.
OF_THE_LOOP = ("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps")


@dataclass(frozen=True)
class Rates:
    """How the weights that are trained differ.

    Attributes:
        factors: of the learning rate, for each of them.
        late: numbers of those that are not trained from the beginning.
    """

    factors: Sequence[float]
    late: Collection[int]


def make_optimizer(
    settings: Optimizer, learning_rate: Any, precision: str, rates: Rates | None = None
) -> keras.optimizers.Optimizer:
    """The Keras optimizer of the settings, at the given rate or schedule, without Keras's own clipping.

    Args:
        settings: kind and arguments.
        learning_rate: a number or a Keras schedule.
        precision: of the computation; float16 needs a loss that is scaled up, and Keras's optimizer for it.
        rates: how the variables differ that it will be built on; None where they do not.
    """
    if rates is None:
        optimizer = keras_optimizer(settings, OF_THE_LOOP, learning_rate=learning_rate)
    else:
        optimizer = keras_optimizer(settings, OF_THE_LOOP, by_variable, learning_rate=learning_rate)
        optimizer.set_variables(rates.factors, rates.late)
    return keras.optimizers.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer


def clips(settings: OptimizerBase) -> bool:
    """Whether gradients are clipped."""
    return (settings.clipnorm, settings.clipvalue, settings.global_clipnorm) != (None, None, None)


def clip(gradients: list[tf.Tensor], settings: OptimizerBase, scale: Any = 1.0) -> list[tf.Tensor]:
    """Clip gradients as Keras's words ask for.

    Args:
        gradients: one tensor for each trainable variable, summed over replicas.
        settings: `clipnorm` limits each tensor's norm, `global_clipnorm` that of all together, `clipvalue` each value.
        scale: what the loss was multiplied with.
    """
    if settings.clipnorm is not None:
        return [tf.clip_by_norm(g, settings.clipnorm * scale) for g in gradients]
    if settings.global_clipnorm is not None:
        clipped, _ = tf.clip_by_global_norm(gradients, settings.global_clipnorm * scale)
        return list(clipped)
    if settings.clipvalue is not None:
        limit = settings.clipvalue * scale
        # An infinite value has to stay one, since a step with it is not made.
        return [tf.where(tf.math.is_finite(g), tf.clip_by_value(g, -limit, limit), g) for g in gradients]
    return gradients


def judged(optimizer: keras.optimizers.Optimizer) -> list[tuple[keras.Variable, np.ndarray]]:
    """The weights that are trained, and the averages that are judged in their place; none where none are kept.

    `ScheduleFreeAdamW` trains at `y = (1 - beta_1) * z + beta_1 * x`, keeps `z`, and is to be judged at `x` (Defazio et
    al., "The road less scheduled", 2024, equation 1).
    """
    inner, pairs = getattr(optimizer, "inner_optimizer", optimizer), []
    if inner.use_ema:
        pairs = [(variable, average.numpy()) for variable, average in moving_averages(inner)]
    elif isinstance(inner, keras.optimizers.ScheduleFreeAdamW):
        share = inner.beta_1
        pairs = [(y, (y.numpy() - (1 - share) * z.numpy()) / share) for y, z in momentums(inner)]
    # Of what is frozen now there is nothing to average.
    return [pair for pair in pairs if pair[0].trainable]
