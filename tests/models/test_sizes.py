"""What a model would need is counted without making it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers
from keras.src.backend.common import global_state

from dlkit.models.foreign import foreign_parts
from dlkit.models.sizes import check_numbers, check_sizes, largest_tensor
from tests.models.crafted import little_memory

NETWORKS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "perceptron": ((8,), lambda x: layers.Dense(10)(layers.Dropout(0.2)(layers.Normalization()(x)))),
    "convolutions": ((32, 32, 3), lambda x: layers.Flatten()(layers.BatchNormalization()(layers.Conv2D(8, 3)(x)))),
    "augmented": ((32, 32, 3), lambda x: layers.RandomZoom(0.1)(layers.RandomFlip()(layers.Rescaling(1 / 255)(x)))),
    "recurrent": ((20, 8), lambda x: layers.Bidirectional(layers.LSTM(4, dropout=0.1))(layers.Masking()(x))),
    "embedded": ((20,), lambda x: layers.GlobalAveragePooling1D()(layers.Embedding(100, 8)(x))),
    "attention": ((20, 8), lambda x: layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x))),
    "operations": ((20, 8), lambda x: keras.ops.where(keras.ops.isnan(x), 0.0, x) * 2),
    "nested": ((32, 32, 3), lambda x: keras.Sequential([layers.Conv2D(4, 3), layers.Flatten()])(x)),
    "by step": ((4, 8, 8, 3), lambda x: layers.TimeDistributed(layers.Conv2D(4, 3))(x)),
    "real units": ((8,), lambda x: layers.Normalization(mean=2.0, variance=4.0, invert=True)(x)),
    "spectral": ((32, 32, 3), lambda x: layers.SpectralNormalization(layers.Conv2D(4, 3))(x)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_counted_to_the_weight_and_nothing_of_it_is_made(name: str) -> None:
    shape, network = NETWORKS[name]
    x = keras.Input(shape)
    model = keras.Model(x, network(x))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    weights = sum(math.prod(w.shape) for w in model.weights)
    waiting = global_state.get_global_attribute("uninitialized_variables")
    assert foreign_parts(config) == []
    check_numbers(config)
    check_sizes(config, weights)
    if weights > 0:
        with pytest.raises(ValueError, match=f"need {weights:,} weights"):
            check_sizes(config, weights - 2**20 - 1)
    assert global_state.get_global_attribute("uninitialized_variables") == waiting
    assert largest_tensor(model) >= math.prod(shape)


def test_a_network_of_terabytes_is_outlined_in_little_memory() -> None:
    x = keras.Input((8,))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(keras.Model(x, layers.Dense(4)(x)))))
    config["config"]["layers"][1]["config"]["units"] = 10**12
    with little_memory(20), pytest.raises(ValueError, match="need 9,000,000,000,000 weights"):
        check_sizes(config, 36)
