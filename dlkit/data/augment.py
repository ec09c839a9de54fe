"""Augmentation of a training batch: random layers of Keras's, random steps of dlkit's own, and mixtures of examples."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from dlkit.config.problems import Key
from dlkit.keras_internals import mixture
from dlkit.schema.keras_objects import RandomStep, keras_class, refusals_of_keras
from dlkit.schema.step import Draw, StepSettings

# Layers that mix the examples of a batch, and so their labels.
MIXING = (keras.layers.MixUp, keras.layers.CutMix)


class Share(NamedTuple):
    """A part of the examples of a batch that have been mixed.

    Attributes:
        share: of each example, float32, shape (batch,); the parts of an example add up to 1.
        rows: the row of the batch that this part is of, integers, shape (batch,).
    """

    share: Any
    rows: Any


class OwnRandomLayer(keras.layers.Layer):
    """A random step of dlkit's own, with a seed generator as Keras's random layers have one."""

    def __init__(self, step: StepSettings) -> None:
        super().__init__(name=step.step, trainable=False)
        self.step = step
        self.generator = keras.random.SeedGenerator(0)

    def call(self, x: Any, rows: Any, epoch: Any) -> Any:
        """The examples of a training batch, changed at random."""
        return self.step.augmented(x, Draw(rows, epoch, self.generator))


def make_random_layer(step: RandomStep, value_range: tuple[float, float], key: Key) -> keras.layers.Layer:
    """The layer of an item of `augment`.

    Args:
        step: Keras's name, or one of dlkit's own, with arguments.
        value_range: where values lie after preprocessing.
        key: of the item.

    Raises:
        ConfigError: if Keras refuses the arguments.
    """
    if (own := step.own()) is not None:
        return OwnRandomLayer(own)
    cls = keras_class(step.category, step.name)
    assert cls is not None, "the text phase knows Keras's names"
    arguments = dict(step.arguments)
    if "value_range" in inspect.signature(cls.__init__).parameters:
        arguments["value_range"] = value_range
    with refusals_of_keras(f"`{step.name}`", key):
        return cls(**arguments)


def layer_name(layer: keras.layers.Layer) -> str:
    """What a random layer is called in reports: Keras's class, or the step's own word."""
    return layer.step.step if isinstance(layer, OwnRandomLayer) else type(layer).__name__


def augmented(
    layers: Mapping[str, Sequence[keras.layers.Layer]], prepared: Mapping[str, Any], rows: Any, epoch: Any
) -> tuple[dict[str, Any], list[Share]]:
    """Prepared inputs of a training batch after the random layers, and what its examples are mixtures of.

    Args:
        layers: random layers by input.
        prepared: inputs as the network takes them.
        rows: number of each example in its split, int64, shape (batch,).
        epoch: from 0, an integer scalar.

    Returns:
        The inputs; and the parts of each example, empty where none is mixed.
    """
    found: dict[str, Any] = dict(prepared)
    parts: list[Share] = []
    for name, random in layers.items():
        for layer in random:
            if isinstance(layer, MIXING):
                found[name], share, others = mixture(layer, found[name])
                parts = _mixed(parts or [Share(tf.ones_like(share), tf.range(tf.size(share)))], share, others)
            elif isinstance(layer, OwnRandomLayer):
                found[name] = layer(found[name], rows, epoch)
            else:
                found[name] = layer(found[name], training=True)
    return found, parts


def _mixed(parts: list[Share], share: Any, others: Any) -> list[Share]:
    """The parts of examples that are mixed once more, each with the example in the row of `others`."""
    own = [Share(part.share * share, part.rows) for part in parts]
    return [*own, *(Share(tf.gather(p.share, others) * (1 - share), tf.gather(p.rows, others)) for p in parts)]
