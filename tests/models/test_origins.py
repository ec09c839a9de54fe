"""Every layer of a network says which setting made it."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from dlkit.data.bound import Spec
from dlkit.models.build import build
from dlkit.origins import MODEL, Origins, origin
from dlkit.schema.features import Feature
from tests.training.helpers import load, settings

SPEC = Spec(
    {"image": Feature("image", "image", (28, 28, 1), "uint8")},
    {"label": Feature("label", "category", (), "int32", tuple("0123456789"))},
)
BLOCKS = [
    {"filters": 4, "pool_size": 2, "dropout": 0.1},
    {"filters": 4, "batch_normalization": True},
]


def origins(model: dict[str, Any]) -> dict[str, Any]:
    """By name of the layer, the inputs left out."""
    built = build(load(settings(model)).config, SPEC)
    inputs = {layer.name for layer in built.network.layers if isinstance(layer, keras.layers.InputLayer)}
    return {name: key for name, key in built.origins.items() if name not in inputs}


def test_a_convolution_comes_from_its_block_and_a_dense_layer_from_the_section() -> None:
    assert origins({"builder": "cnn", "blocks": BLOCKS, "dense": [8], "dropout": 0.2}) == {
        **dict.fromkeys(["conv_1", "conv_1_pool", "conv_1_dropout"], ("model", "blocks", 0)),
        **dict.fromkeys(["conv_2", "conv_2_norm", "conv_2_activation"], ("model", "blocks", 1)),
        "flatten": ("model", "pooling"),
        "dense_1": MODEL,
        "dense_1_dropout": MODEL,
        "label": ("data", "targets", "label"),
    }


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_layers_inside_of_a_layer_come_from_where_it_does(bidirectional: bool) -> None:
    found = origins({"builder": "rnn", "units": [8, 4], "bidirectional": bidirectional, "dense": [3]})
    assert found["lstm_1"] == ("model", "units", 0)
    assert found["lstm_2"] == ("model", "units", 1)
    assert found["dense_1"] == MODEL
    assert found["label"] == ("data", "targets", "label")
    if bidirectional:
        assert {key for name, key in found.items() if name.startswith("forward_")} == {
            ("model", "units", 0), ("model", "units", 1),
        }  # fmt: skip


def test_layers_that_nothing_was_noted_of_come_from_the_section() -> None:
    notes = Origins()
    with notes.noting():
        inner = origin(keras.layers.Dense(2, name="noted"), ("model", "blocks", 3))
    x = keras.Input((3,))
    network = keras.Model(x, keras.layers.Dense(2, name="plain")(inner(x)))
    found = notes.of(network)
    assert (found["noted"], found["plain"]) == (("model", "blocks", 3), MODEL)


def test_outside_of_a_building_nothing_is_noted() -> None:
    layer = keras.layers.Dense(2)
    assert origin(layer, MODEL) is layer
