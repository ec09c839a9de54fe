"""The recurrent network: equal to ones written by hand, and padding changes nothing in it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from dlkit.config.problems import ConfigError
from dlkit.data.bound import Spec, bound
from dlkit.models.build import BuiltModel, build
from dlkit.schema.features import Feature
from dlkit.schema.loader import Loaded, from_mapping

LENGTHS = np.array([9, 4, 7, 5])
RAW = np.where(np.arange(9)[:, None] < LENGTHS[:, None, None], np.random.default_rng(0).normal(size=(4, 9, 2)), np.nan)
RAW = RAW.astype("float32")


def loaded(**model: Any) -> Loaded:
    data = {"inputs": {"x": {"kind": "sequence", "preprocess": []}}, "targets": {"y": {"kind": "category"}}}
    return from_mapping({"name": "t", "data": data, "model": {"builder": "rnn", **model}}, needs_source=False)


def built(steps: int = 9, *, ragged: bool = True, **model: Any) -> BuiltModel:
    """A network of three classes over sequences of two channels."""
    config = loaded(**model).config
    x = Feature("x", "sequence", (steps, 2), "float32", ragged=ragged)
    y = Feature("y", "category", (), "int32", ("a", "b", "c"))
    return build(config, bound(Spec({"x": x}, {"y": y}), config.data))


SETTINGS = {
    "last": {"cell": "gru"},
    "average": {"pooling": "average", "cell": "simple_rnn", "layer_norm": True},
    "max": {"pooling": "max", "bidirectional": True},
    "attention": {"pooling": "attention", "recurrent_dropout": 0.3},
    "convolution": {"conv": {"filters": 3, "kernel_size": 4, "strides": 2}},
}


@pytest.mark.parametrize("model", SETTINGS.values(), ids=SETTINGS)
def test_padding_changes_no_result(model: dict[str, Any]) -> None:
    made = built(units=[4, 3], **model).model
    expected = np.asarray(made(RAW))
    padded = np.pad(RAW, [(0, 0), (0, 4), (0, 0)], constant_values=np.nan)
    longer = built(13, units=[4, 3], **model).model
    longer.set_weights(made.get_weights())
    np.testing.assert_allclose(longer(padded), expected, atol=1e-6)
    alone = built(int(LENGTHS[2]), ragged=False, units=[4, 3], **model).model
    alone.set_weights(made.get_weights())
    np.testing.assert_allclose(alone(RAW[2:3, : LENGTHS[2]]), expected[2:3], atol=1e-6)


def test_it_equals_a_network_written_by_hand() -> None:
    conv = {"filters": 5, "kernel_size": 3, "activation": "tanh"}
    settings = {"cell": "gru", "units": [4, 3], "bidirectional": True, "layer_norm": True, "recurrent_dropout": 0.2}
    made = built(ragged=False, pooling="attention", dropout=0.1, conv=conv, dense=[6], **settings)
    x = inputs = keras.Input((9, 2))
    x = layers.Conv1D(5, 3, padding="same", activation="tanh")(x)
    for units in (4, 3):
        x = layers.Bidirectional(layers.GRU(units, return_sequences=True, recurrent_dropout=0.2))(x)
        x = layers.Dropout(0.1)(layers.LayerNormalization()(x))
    scores = layers.Dense(1, use_bias=False)(layers.Dense(6, activation="tanh")(x))
    x = layers.Flatten()(layers.Dot(1)([layers.Softmax(axis=1)(scores), x]))
    hand = keras.Model(inputs, layers.Dense(3)(layers.Dropout(0.1)(layers.Dense(6, activation="relu")(x))))
    assert [v.shape for v in made.model.weights] == [v.shape for v in hand.weights]
    hand.set_weights(made.model.get_weights())
    given = np.nan_to_num(RAW)
    np.testing.assert_allclose(made.model(given), hand(given), atol=1e-6)
    drops = [layer.rate for layer in made.model.layers if isinstance(layer, layers.Dropout)]
    cells = [
        layer.forward_layer.recurrent_dropout for layer in made.model.layers if isinstance(layer, layers.Bidirectional)
    ]
    assert (drops, cells) == ([0.1, 0.1, 0.1], [0.2, 0.2])
    keys = {"conv": ("model", "conv"), "gru_2_norm": ("model", "units", 1), "attention": ("model", "pooling")}
    assert {name: made.origins[name] for name in keys} == keys


@pytest.mark.parametrize(
    ("cell", "rate", "speaks"), [("lstm", 0.2, True), ("simple_rnn", 0.2, False), ("gru", 0.0, False)]
)
def test_a_setting_that_leaves_the_fast_layers_is_reported(cell: str, rate: float, speaks: bool) -> None:
    found = [(w.code, w.key) for w in loaded(cell=cell, recurrent_dropout=rate).warnings]
    assert found == ([("slow-setting", ("model", "recurrent_dropout"))] if speaks else [])


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ({"units": [4, -1]}, ("units", 1)), ({"recurrent_dropout": 1.0}, ("recurrent_dropout",)),
        ({"conv": {"filters": 0}}, ("conv", "filters")), ({"pooling": "mean"}, ("pooling",)),
        ({"conv": {"kernel_size": 3}}, ("conv", "filters")),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_at_their_key(model: dict[str, Any], key: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(**model)
    (problem,) = refused.value.problems
    assert problem.key == ("model", *key)
