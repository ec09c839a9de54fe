"""Every kind of block: equal to plain Keras from the same seed, over images and sequences; padding changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from dlkit.builders._blocks._block import BLOCKS
from dlkit.config.problems import ConfigError
from dlkit.models.build import BuiltModel
from tests.builders.by_hand import ByHand
from tests.builders.networks import built

SHAPES = {1: (9, 4), 2: (9, 8, 4)}


def by_hand(kind: str, x: Any, axes: int) -> Any:
    """The block of `SETTINGS` in plain Keras."""
    hand = ByHand(axes, "gelu" if kind == "bottleneck" else "relu")
    if kind == "bottleneck":
        return hand.bottleneck(x, 6, 3)
    if kind == "separable":
        return hand.separable(x, 6, dilation=2)
    if kind == "inception":
        return hand.inception(x, 2, [40, 20, 10] if axes == 1 else [5, 3, 1], bottleneck=3, modules=2)
    for strides in (2, 1):
        if kind == "residual":
            x = hand.residual(x, 6, strides, excite=2)
        elif kind == "inverted_residual":
            x = hand.inverted(x, 6, 2 * x.shape[-1], strides=strides, excite=2)
        else:
            x = hand.excited(hand.conv(x, 6, 3, strides=strides, activation="relu", use_bias=True), 2)
    return hand.layer("MaxPooling", x, 2) if kind == "plain" else x


EXCITED = {"squeeze_excite": 2, "strides": 2, "repeat": 2}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"padding": "same", "pool_size": 2, **EXCITED},
    "residual": EXCITED,
    "bottleneck": {"reduction": 2, "activation": "gelu"},
    "separable": {"dilation_rate": 2},
    "inverted_residual": {"expansion": 2, **EXCITED},
    "inception": {"filters": 2, "bottleneck": 3, "repeat": 2},
}


def block(kind: str) -> dict[str, Any]:
    """A block of this kind that asks for much of what it has."""
    return {"kind": kind, "filters": 6, **SETTINGS[kind]}


def of_sequences(kind: str, steps: int, *, ragged: bool = True) -> BuiltModel:
    """A network over sequences whose convolutions are followed by others."""
    blocks = [block(kind), {"filters": 4, "padding": "same", "activation": "sigmoid"}]
    return built(blocks, (steps, 4), ragged=ragged)


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("kind", BLOCKS.own_names)
def test_a_block_equals_plain_keras_from_the_same_seed(kind: str, axes: int) -> None:
    keras.utils.set_random_seed(1)
    made = built([block(kind)], SHAPES[axes], pooling="average").model
    keras.utils.set_random_seed(1)
    inputs = keras.Input(SHAPES[axes])
    features = ByHand(axes).layer("GlobalAveragePooling", by_hand(kind, inputs, axes))
    network = keras.Model(inputs, layers.Dense(3)(features))
    for own, other in zip(made.weights, network.weights, strict=True):
        np.testing.assert_array_equal(own, other)
    given = np.random.default_rng(0).normal(size=(3, *SHAPES[axes]))
    np.testing.assert_array_equal(made(given), network(given))


# With a shortcut, with parallel windows, and with windows within each channel; the others are made of the same parts.
QUICK = ("residual", "inception", "separable")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in BLOCKS.own_names]
)
def test_padding_changes_no_result_of_a_block_nor_its_statistics(kind: str, tmp_path: Path) -> None:
    lengths = np.array([9, 4, 7, 5])
    given = np.random.default_rng(0).normal(size=(4, 9, 4))
    given = np.where(np.arange(9)[:, None] < lengths[:, None, None], given, np.nan)
    made = of_sequences(kind, 9).model
    expected = np.asarray(made(given))
    for steps in (10, 15):
        longer = of_sequences(kind, steps).model
        longer.set_weights(made.get_weights())
        padded = np.pad(given, [(0, 0), (0, steps - 9), (0, 0)], constant_values=np.nan)
        np.testing.assert_allclose(longer(padded), expected, atol=1e-6)
    longer(padded, training=True)
    whole = of_sequences(kind, 9, ragged=False).model
    for layer in (layer for layer in whole.layers if layer.weights):
        layer.set_weights(made.get_layer(layer.name).get_weights())
    if "pool_size" not in SETTINGS[kind]:  # the last window is not whole, and left out
        np.testing.assert_allclose(whole(given[:1]), expected[:1], atol=1e-6)
    made(given, training=True)
    for weight, other in zip(made.weights, longer.weights, strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-5)
    made.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(given), made(given))


def test_a_block_without_a_kind_is_plain_and_keeps_the_names_of_its_layers() -> None:
    stated, short = (built([{**kind, "filters": 2, "repeat": 2}], (8, 8, 1)) for kind in ({"kind": "plain"}, {}))
    names = [layer.name for layer in short.network.layers]
    assert names == [layer.name for layer in stated.network.layers]
    assert names[1:3] == ["conv_1", "conv_1_2"]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"kind": "residual", "filters": 4, "padding": "same"}, "`padding` is not a setting of model.blocks.0"),
        ({"kind": "residual", "filters": 0}, "`model.blocks.0.filters` must be greater than 0"),
        ({"kind": "residul", "filters": 4}, "`residul`"),
        ({"kind": "residual", "filters": 4, "squeeze_excite": 16}, "4 channels divided by 16 leave none"),
        ({"kind": "bottleneck", "filters": 2}, "2 channels divided by 4 leave none"),
        ({"kind": "separable", "filters": 2, "strides": 2, "dilation_rate": 2}, "cannot both be above 1"),
        ({"kind": "inception", "filters": 2, "strides": 2}, "`strides` is not a setting of model.blocks.0"),
        ({"kind": "inception", "filters": 2, "kernel_sizes": []}, "`model.blocks.0.kernel_sizes`"),
    ],
)
def test_what_a_block_cannot_do_is_refused_at_its_setting(block: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        built([block], (9, 8, 4))
    (problem,) = refused.value.problems
    assert says in problem.message
    assert problem.key[:3] == ("model", "blocks", 0)


def test_strides_where_one_pixel_is_left_are_refused() -> None:
    strided = {"kind": "separable", "filters": 2, "strides": 2}
    with pytest.raises(ConfigError) as refused:
        built([strided] * 4, (8, 8, 1))
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("map-too-small", ("model", "blocks", 3, "strides"))
    assert "a feature map of 1 x 1" in problem.message
