"""What the rules look at: the model, one batch of each split, and one step of training on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.data.contract import Splits
from dlkit.data.feeding import Feeder, make_feeder
from dlkit.models.build import BuiltModel, unwrap
from dlkit.schema import Config
from dlkit.training.program.forward import by_target, device_stage, penalties
from dlkit.training.program.metrics import loss_per_example


@dataclass(frozen=True)
class Batch:
    """The first batch of a split.

    Attributes:
        inputs: as the host stage leaves them, by name.
        prepared: as the network takes them, without augmentation.
        targets: labels by name.
    """

    inputs: dict[str, np.ndarray]
    prepared: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]


@dataclass(frozen=True)
class Trial:
    """One step of training on one batch, its update left out.

    Attributes:
        outputs: logits by target.
        losses: mean loss by target, without penalties.
        gradients: by path of the trainable variable; None where the loss does not depend on it.
    """

    outputs: dict[str, np.ndarray]
    losses: dict[str, float]
    gradients: dict[str, np.ndarray | None]


@dataclass(frozen=True)
class CheckContext:
    """A configuration that is examined.

    Attributes:
        config: what was asked for.
        built: the model.
        splits: the data, None where only their Spec is known.
        batches: the first batch of each split; empty without data.
        steps: updates, or batches of evaluation, by split; empty without data.
        trial: a step of training; None without data.
        initial_weights: which weights come from `training.init_from`, in a sentence; empty for none.
    """

    config: Config
    built: BuiltModel
    splits: Splits | None = None
    batches: Mapping[str, Batch] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    trial: Trial | None = None
    initial_weights: str = ""


def make_context(config: Config, built: BuiltModel, splits: Splits | None) -> CheckContext:
    """Take a batch of every split, and try a step of training on that of the training split.

    Args:
        config: what was asked for.
        built: the model, its preprocessing fitted where there are data.
        splits: the data after the host stage, or None.
    """
    if splits is None:
        return CheckContext(config, built)
    feeders = {
        name: make_feeder(split, splits.spec, config.data, training=name == "train")
        for name in ("train", "validation", "test")
        if (split := getattr(splits, name)) is not None
    }
    batches = {name: first_batch(feeder, built) for name, feeder in feeders.items()}
    steps = {name: feeder.steps for name, feeder in feeders.items()}
    return CheckContext(config, built, splits, batches, steps, attempt(built, batches["train"]))


def first_batch(feeder: Feeder, built: BuiltModel) -> Batch:
    """The first batch of the first epoch, without the examples that pad it."""
    block = next(iter(feeder.blocks(seed=0, epoch=0)))
    inputs, targets, weights = feeder.pick(block.tensors, tf.constant(0))
    if weights is not None:
        there = tf.where(weights > 0)[:, 0]
        inputs = {name: tf.gather(x, there) for name, x in inputs.items()}
        targets = {name: tf.gather(x, there) for name, x in targets.items()}
    prepared = device_stage(built, inputs, augment=False)
    return Batch(*({name: np.asarray(x) for name, x in part.items()} for part in (inputs, prepared, targets)))


def attempt(built: BuiltModel, batch: Batch) -> Trial:
    """A step of training: loss and gradients. Weights stay as they are."""
    network, variables = built.network, built.network.trainable_variables
    others = [v for v in network.weights if not any(v is t for t in variables)]
    before = [v.numpy() for v in others]
    with tf.GradientTape() as tape:
        outputs = by_target(built, network(unwrap(batch.prepared), training=True))
        losses = {
            name: tf.reduce_mean(loss_per_example(built, name)(batch.targets[name], outputs[name]))
            for name in built.spec.targets
        }
        total = sum(losses.values()) + penalties(network)
    found = tape.gradient(total, [v.value for v in variables])
    # Batch normalisation has moved its averages.
    for variable, value in zip(others, before, strict=True):
        variable.assign(value)
    return Trial(
        {name: np.asarray(x) for name, x in outputs.items()},
        {name: float(x) for name, x in losses.items()},
        {v.path: _dense(g) for v, g in zip(variables, found, strict=True)},
    )


def _dense(gradient: Any) -> np.ndarray | None:
    return None if gradient is None else np.asarray(tf.convert_to_tensor(gradient))


def own_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network, those inside of others included, containers left out."""
    return [layer for layer in network._flatten_layers(include_self=False) if not list(layer._layers)]
