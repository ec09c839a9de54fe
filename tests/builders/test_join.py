"""`builder: join`: a network for each input, each at its own settings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.loader import Loaded, from_mapping
from tests.conformance.test_builders import PREPARED, built

MLP = {"builder": "mlp", "dense": [4]}
CNN = {"builder": "cnn", "blocks": [{"filters": 2}]}
RNN = {"builder": "rnn", "units": [4], "recurrent_dropout": 0.1}


def loaded(parts: dict[str, Any], *kinds: str, **more: Any) -> Loaded:
    data = {"inputs": {kind: {"kind": kind} for kind in kinds}, "targets": {"y": {"kind": "binary"}}}
    model = {"builder": "join", "inputs": parts, **more}
    return from_mapping({"name": "t", "data": data, "model": model}, needs_source=False)


def problem(parts: dict[str, Any], *kinds: str) -> Problem:
    with pytest.raises(ConfigError) as refused:
        loaded(parts, *kinds)
    (found,) = refused.value.problems
    return found


def test_layers_are_called_after_their_input_and_come_from_its_settings() -> None:
    parts = {"text": {"builder": "bag", "dense": [3]}, "image": CNN, "sequence": {**RNN, "dense": [3]}}
    made = built({"builder": "join", "inputs": parts, "dense": [5]}, "image", "sequence", "text", "number")
    expected = {
        "text_dense_1": ("model", "inputs", "text"),
        "text_embedding": ("data", "inputs", "text"),
        "image_conv_1": ("model", "inputs", "image", "blocks", 0),
        "sequence_lstm_1": ("model", "inputs", "sequence", "units", 0),
        "sequence_dense_1": ("model", "inputs", "sequence"),
        "dense_1": ("model",),
        "y": ("data", "targets", "y"),
    }
    layers = {layer.name for layer in made.network.layers}
    assert expected.keys() <= layers
    assert {name: made.origins[name] for name in expected} == expected
    paths = [weight.path for weight in made.network.weights]
    assert len(set(paths)) == len(paths)
    given = {kind: PREPARED[kind] for kind in ("image", "sequence", "text", "number")}
    again = keras.Model.from_config(made.network.get_config())
    again.set_weights(made.network.get_weights())
    np.testing.assert_array_equal(again(given), made.network(given))


@pytest.mark.parametrize(
    ("parts", "cost"),
    [({"image": MLP, "sequence": RNN}, "recurrent"), ({"image": CNN, "sequence": RNN}, "convolution"),
     ({"image": MLP}, "dense"), ({"image": MLP, "sequence": {"builder": "attention"}}, None)],
)  # fmt: skip
def test_it_costs_what_its_dearest_part_costs(parts: dict[str, Any], cost: str | None) -> None:
    assert loaded(parts, "image", "sequence").config.model.cost == cost


def test_each_builder_speaks_of_its_own_input() -> None:
    found = problem({"imagge": CNN}, "image", "number")
    assert (found.code, found.key) == ("unknown-choice", ("model", "inputs", "imagge"))
    assert "did you mean `image`?" in found.help
    found = problem({"number": CNN}, "image", "number")
    assert found.key == ("model", "inputs", "number", "builder") and "`number` is a number" in found.message
    found = problem({"image": {**CNN, "blocks": [{"filters": -2}]}}, "image")
    assert found.key == ("model", "inputs", "image", "blocks", 0, "filters")
    (warning,) = loaded({"sequence": RNN}, "sequence", "number").warnings
    assert warning.key == ("model", "inputs", "sequence", "recurrent_dropout")
    for builder in ("join", "linear"):
        found = problem({"image": {"builder": builder}}, "image")
        assert (found.code, found.key) == ("unknown-choice", ("model", "inputs", "image", "builder"))


def test_what_does_not_fit_is_refused_at_the_settings_of_the_input() -> None:
    with pytest.raises(ConfigError) as refused:
        built({"builder": "join", "inputs": {"image": {**CNN, "blocks": [{"filters": 2, "kernel_size": 9}]}}}, "image")
    assert refused.value.problems[0].key == ("model", "inputs", "image", "blocks", 0, "kernel_size")


def test_words_are_read_in_order_where_their_builder_does() -> None:
    data = {"inputs": {"text": {"kind": "text", "ngrams": 2}}, "targets": {"y": {"kind": "binary"}}}
    model = {"builder": "join", "inputs": {"text": {"builder": "rnn"}}}
    with pytest.raises(ConfigError) as refused:
        from_mapping({"name": "t", "data": data, "model": model}, needs_source=False)
    assert refused.value.problems[0].key == ("data", "inputs", "text", "ngrams")


def test_a_part_with_members_is_refused_at_its_setting() -> None:
    found = problem({"image": {**MLP, "members": 4}}, "image")
    assert found.key == ("model", "inputs", "image", "members") and "`join` needs one vector" in found.message
