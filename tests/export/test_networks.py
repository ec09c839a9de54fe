"""The network of every builder, written as code, is the same network."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from dlkit.builders._presets import presets
from dlkit.config.problems import ConfigError
from dlkit.export.script.objects import Needs, made_by
from dlkit.schema.builder import BUILDERS
from tests.builders import networks
from tests.conformance.test_builders import MORE, PREPARED, SETTINGS, built, kind_of, kinds_of
from tests.export.rebuilt import rebuilt

ONE = [(name, SETTINGS[name], kinds_of(name) if name == "join" else (kind_of(name),)) for name in BUILDERS.own_names]
OTHERS = [
    *((name, SETTINGS[name], kinds_of(name)) for name in BUILDERS.own_names if name != "join"),
    *((name, settings, (kind,)) for name, settings in MORE for kind in ("image", "sequence")),
    ("mlp", {"dense": [5, 5], "residual": True, "normalization": "layer", "numbers": "periodic"}, ("number",)),
    ("mlp", {"dense": [5], "members": 3}, ("number",)),
    ("rnn", {"units": [4, 4], "bidirectional": True, "pooling": "max", "layer_norm": True}, ("sequence",)),
    ("rnn", {"units": [4], "cell": "gru", "conv": {"filters": 3, "strides": 2}}, ("text",)),
]


@pytest.mark.parametrize(
    ("name", "settings", "kinds"), [*ONE, *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHERS)]
)
def test_the_code_of_a_network_gives_the_same_numbers(
    name: str, settings: dict[str, Any], kinds: tuple[str, ...]
) -> None:
    made = built({"builder": name, **settings}, *kinds)
    again, text = rebuilt(made)
    given = {kind: PREPARED[kind] for kind in kinds}
    expected = np.asarray(made.network(given if len(kinds) > 1 else given[kinds[0]]))
    np.testing.assert_array_equal(np.asarray(again(given)["y"]), expected, err_msg=text)
    assert [layer.name for layer in again.layers if layer.weights] == [
        layer.name for layer in made.network.layers if layer.weights
    ]


@pytest.mark.slow
@pytest.mark.parametrize("preset", presets())
def test_the_code_of_a_known_network_has_the_same_layers(preset: str) -> None:
    shape = (64, 2) if preset == "inception_time" else (32, 32, 3)
    made = networks.built(None, shape, preset=preset)
    again, _ = rebuilt(made)
    assert again.count_params() == made.network.count_params()
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in made.network.layers]


def code(thing: Any) -> str:
    """The constructor call of a layer, in a line."""
    from dlkit.export.script.code import flat

    return flat(made_by(thing, Needs()))


def test_only_arguments_that_differ_from_those_of_keras_are_written() -> None:
    assert code(layers.Dense(4)) == "layers.Dense(4)"
    assert code(layers.Dense(4, activation="relu", name="hidden")) == (
        'layers.Dense(4, activation="relu", name="hidden")'
    )
    assert code(layers.Conv2D(8, (3, 3), strides=(2, 1))) == "layers.Conv2D(8, 3, strides=(2, 1))"
    assert code(layers.Dense(4, kernel_initializer="he_normal")) == ('layers.Dense(4, kernel_initializer="he_normal")')
    assert code(layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.1))) == (
        "layers.Dense(4, kernel_regularizer=keras.regularizers.L2(l2=0.1))"
    )
    assert code(layers.Rescaling(1 / 255)) == "layers.Rescaling(1 / 255)"
    assert code(layers.Bidirectional(layers.GRU(3, return_sequences=True))).startswith(
        "layers.Bidirectional(layers.GRU(3, return_sequences=True"
    )


def test_what_is_long_is_an_array_beside_the_script() -> None:
    needs = Needs()
    means = [n / 7 for n in range(30)]
    call = made_by(layers.Normalization(mean=means, variance=[1.0] * 30), needs, ("data", "inputs", "cells"))
    assert call.keywords["mean"] == 'ARRAYS["cells_normalization_mean"]'
    np.testing.assert_array_equal(needs.arrays["cells_normalization_mean"], means)


def test_a_layer_that_does_not_say_how_it_is_made_is_refused() -> None:
    class Own(layers.Layer):
        pass

    with pytest.raises(ConfigError, match="Own"):
        made_by(Own(), Needs())
