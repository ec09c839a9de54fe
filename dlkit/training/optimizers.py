"""Optimizers: Keras's own, but for clipping, which the loop does after gradients are added up over replicas."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dlkit.config.schema.training import Optimizer, OptimizerBase

CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")


def make_optimizer(settings: Optimizer, learning_rate: Any) -> keras.optimizers.Optimizer:
    """The Keras optimizer of the settings, at the given rate or schedule, without Keras's own clipping."""
    arguments = settings.model_dump(exclude=set(CLIPS))
    name = arguments.pop("name")
    return keras.optimizers.get({"class_name": name, "config": {**arguments, "learning_rate": learning_rate}})


def clip(gradients: list[tf.Tensor], settings: OptimizerBase) -> list[tf.Tensor]:
    """Clip gradients as Keras's words ask for.

    Args:
        gradients: one tensor for each trainable variable, summed over replicas.
        settings: `clipnorm` limits each tensor's norm, `global_clipnorm` that of all together, `clipvalue` each value.
    """
    if settings.clipnorm is not None:
        return [tf.clip_by_norm(g, settings.clipnorm) for g in gradients]
    if settings.global_clipnorm is not None:
        clipped, _ = tf.clip_by_global_norm(gradients, settings.global_clipnorm)
        return list(clipped)
    if settings.clipvalue is not None:
        return [tf.clip_by_value(g, -settings.clipvalue, settings.clipvalue) for g in gradients]
    return gradients
