"""Randomness as a function of (seed, step, replica, layer, draw), never of a state that would have to be saved.

The order of examples is dlkit.data.order's. Random layers train as keyed twins: the Keras layer with
its seed drawn from the run's seed, the layer's number, the step and the replica. The plain layers are what is saved.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.keras_internals import flattened

# The step, and the replica's number, of the update that is being traced; and how often each layer has drawn in it.
_draw: ContextVar[tuple[tf.Tensor, int, Counter[int]]] = ContextVar("draw")


@contextlib.contextmanager
def drawing(step: tf.Tensor, replica: int) -> Iterator[None]:
    """Within the block, keyed layers draw for this step and replica.

    Args:
        step: updates made before this one, an integer scalar, known only when the program runs.
        replica: number of the replica, known when the program is traced.
    """
    token = _draw.set((step, replica, Counter()))
    try:
        yield
    finally:
        _draw.reset(token)


class KeyedSeed(keras.random.SeedGenerator):
    """Stands in for a layer's seed generator, and gives seeds from the step instead of a counter."""

    def __init__(self, seed: int, layer: int, plain: keras.random.SeedGenerator | None = None) -> None:
        """A generator of a layer.

        Args:
            seed: the run's seed.
            layer: number of the generator.
            plain: that of the layer itself, which gives seeds where no update is being made.
        """
        # Not the parent's: it would make the variable that this class does without.
        self.seed = seed
        self.layer = layer
        self.plain: Any = plain.plain if isinstance(plain, KeyedSeed) else plain

    def next(self, ordered: bool = True) -> tf.Tensor:
        """The seed of this draw: int32, shape (2,). `ordered` is SeedGenerator's argument and changes nothing.

        A layer that draws twice in an update, as one that shifts images down and to the side, gets two seeds.
        """
        drawn = _draw.get(None)
        if drawn is None and self.plain is not None:
            return self.plain.next(ordered)
        step, replica, draws = drawn or _draw.get()
        number = draws[self.layer]
        draws[self.layer] += 1
        entropy = [self.seed, self.layer, replica, *([number] if number else [])]
        key = np.random.SeedSequence(entropy).generate_state(1)[0].astype(np.int32)
        return tf.stack([tf.constant(key), tf.cast(step, tf.int32)])


class KeyedDropout(keras.layers.Dropout):
    """Dropout whose generator is named: under XLA on a CPU the one that is chosen by itself is several times slower."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop a share of the inputs in training."""
        if not training or self.rate == 0:
            return inputs
        return tf.nn.experimental.stateless_dropout(
            inputs,
            rate=self.rate,
            seed=self.seed_generator.next(),
            noise_shape=self._get_concrete_noise_shape(inputs, self.noise_shape) if self.noise_shape else None,
            rng_alg="philox",
        )


def keyed_twin(network: keras.Model, seed: int) -> tuple[keras.Model, dict[str, Any]]:
    """A model that shares the network's layers, but for the random ones, which are keyed.

    Args:
        network: the plain model.
        seed: the run's seed.

    Returns:
        The twin, and its symbolic output at each layer, by the layer's name, from the input on.
    """
    numbers = iter(range(1_000_000))
    outputs: dict[str, Any] = {}

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        outputs[layer.name] = layer(*args, **kwargs)
        return outputs[layer.name]

    def twin(layer: keras.layers.Layer) -> keras.layers.Layer:
        if not isinstance(layer, keras.Layer) or not _generators(layer):
            return layer  # as is every op of Keras's
        if layer.weights:
            # A layer with weights and a generator of its own (LSTM with dropout) is keyed in place: its weights and
            # its configuration, which holds the seed, are what is saved.
            return key_layer(layer, seed, numbers)
        cls = KeyedDropout if type(layer) is keras.layers.Dropout else type(layer)
        return key_layer(cls.from_config(layer.get_config()), seed, numbers)

    return keras.models.clone_model(network, clone_function=twin, call_function=call), outputs


def key_layer(layer: keras.layers.Layer, seed: int, numbers: Iterator[int]) -> keras.layers.Layer:
    """Replace every seed generator of a layer, in place, by a keyed one.

    Args:
        layer: a Keras layer.
        seed: the run's seed.
        numbers: gives each generator its number.
    """
    for owner, name in _generators(layer):
        object.__setattr__(owner, name, KeyedSeed(seed, next(numbers), getattr(owner, name)))
    return layer


def _generators(layer: keras.layers.Layer) -> list[tuple[Any, str]]:
    """Every (layer, attribute) below a layer that holds a seed generator."""
    return [
        (part, name)
        for part in flattened(layer)
        for name, value in vars(part).items()
        if isinstance(value, keras.random.SeedGenerator)
    ]
