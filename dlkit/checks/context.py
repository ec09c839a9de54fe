"""What the rules look at: the model, one batch of each split, and one step of training on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from dlkit.data.contract import Batch, Splits
from dlkit.data.feeding import Feeder, make_feeder
from dlkit.keras_internals import flattened, is_container
from dlkit.models.build import BuiltModel
from dlkit.schema import Config
from dlkit.training.program.forward import device_stage, forward_with_loss, whole


@dataclass(frozen=True)
class Sample:
    """The first batch of a split, in NumPy arrays.

    Attributes:
        batch: inputs as the host stage leaves them.
        prepared: inputs as the network takes them, without augmentation, by name.
    """

    batch: Batch
    prepared: dict[str, np.ndarray]


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


class OfSplits(Protocol):
    """What the rules on whole splits look at, which need no model."""

    @property
    def config(self) -> Config:
        """What was asked for."""
        ...

    @property
    def raw(self) -> Splits | None:
        """The data before the host stage, None where they were not read."""
        ...


@dataclass(frozen=True)
class SplitsContext:
    """Data that are examined without a model; the attributes are those of `OfSplits`."""

    config: Config
    raw: Splits | None


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
        raw: the data before the host stage, None where they were not read.
    """

    config: Config
    built: BuiltModel
    splits: Splits | None = None
    batches: Mapping[str, Sample] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    trial: Trial | None = None
    initial_weights: str = ""
    raw: Splits | None = None


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
        for name, split in splits.by_name.items()
    }
    batches = {name: first_batch(feeder, built) for name, feeder in feeders.items()}
    steps = {name: feeder.steps for name, feeder in feeders.items()}
    return CheckContext(config, built, splits, batches, steps, attempt(built, batches["train"]))


def first_batch(feeder: Feeder, built: BuiltModel) -> Sample:
    """The first batch of the first epoch, without the examples that pad it."""
    block = next(iter(feeder.blocks(seed=0, epoch=0)))
    batch = feeder.pick(block.tensors, tf.constant(0))
    real = tf.where(batch.rows >= 0)[:, 0]
    batch = tf.nest.map_structure(lambda x: tf.gather(x, real), batch)
    prepared = device_stage(built, batch.inputs)
    return Sample(tf.nest.map_structure(np.asarray, batch), {name: np.asarray(x) for name, x in prepared.items()})


def attempt(built: BuiltModel, sample: Sample) -> Trial:
    """A step of training: loss and gradients. Weights stay as they are."""
    network, variables = built.network, built.network.trainable_variables
    others = [v for v in network.weights if not any(v is t for t in variables)]
    before = [v.numpy() for v in others]
    objective = built.objective(training=True)
    part = whole(objective, sample.batch)
    with tf.GradientTape() as tape:
        forward = forward_with_loss(built, objective, network, sample.prepared, sample.batch, part=part, training=True)
    found = tape.gradient(forward.loss, [v.value for v in variables])
    # Batch normalisation has moved its averages.
    for variable, value in zip(others, before, strict=True):
        variable.assign(value)
    return Trial(
        {name: np.asarray(x) for name, x in forward.outputs.items()},
        {name: _mean(x, forward.weights.get(name)) for name, x in forward.per_example.items()},
        {v.path: _dense(g) for v, g in zip(variables, found, strict=True)},
    )


def _mean(losses: Any, weights: Any | None) -> float:
    """The mean loss of a target over a batch, weighted where examples have weights."""
    return float(np.average(np.asarray(losses), weights=None if weights is None else np.asarray(weights)))


def _dense(gradient: Any) -> np.ndarray | None:
    return None if gradient is None else np.asarray(tf.convert_to_tensor(gradient))


def own_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a network, those inside of others included, containers left out."""
    return [layer for layer in flattened(network, itself=False) if not is_container(layer)]
