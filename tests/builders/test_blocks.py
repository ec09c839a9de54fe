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
from tests.builders.networks import built

SHAPES = {1: (9, 4), 2: (9, 8, 4)}


class ByHand:
    """Blocks as one writes them in Keras.

    Args:
        axes: 1 for sequences, 2 for images.
    """

    def __init__(self, axes: int) -> None:
        self.axes = axes

    def layer(self, kind: str, x: Any, *arguments: Any, **more: Any) -> Any:
        """A layer of Keras, whose name ends in the number of axes."""
        return getattr(layers, f"{kind}{self.axes}D")(*arguments, **more)(x)

    def conv(self, x: Any, filters: int, size: int = 1, **more: Any) -> Any:
        """A convolution that keeps the size."""
        return self.layer("Conv", x, filters, size, **{"padding": "same", "use_bias": False, **more})

    def normed(self, x: Any, activation: str | None = "relu") -> Any:
        """Normalisation and activation."""
        x = layers.BatchNormalization()(x)
        return layers.Activation(activation)(x) if activation else x

    def excited(self, x: Any) -> Any:
        """Squeeze and excitation to half the channels."""
        gate = self.layer("GlobalAveragePooling", x, keepdims=True)
        gate = layers.Dense(x.shape[-1] // 2, "relu")(gate)
        gate = layers.Dense(x.shape[-1], "sigmoid")(gate)
        return layers.Multiply()([x, gate])

    def plain(self, x: Any) -> Any:
        """Two convolutions, then max-pooling."""
        for strides in (2, 1):
            x = self.excited(self.conv(x, 6, 3, strides=strides, activation="relu", use_bias=True))
        return self.layer("MaxPooling", x, 2)

    def residual(self, x: Any) -> Any:
        """Two blocks, the first with strides and a convolution as its shortcut."""
        for strides in (2, 1):
            y = self.normed(self.conv(x, 6, 3, strides=strides))
            y = self.excited(self.normed(self.conv(y, 6, 3), None))
            if strides == 2:
                x = self.normed(self.conv(x, 6, strides=2), None)
            x = layers.Activation("relu")(layers.Add()([y, x]))
        return x

    def bottleneck(self, x: Any) -> Any:
        """A convolution of 3 channels between two of size 1."""
        y = self.normed(self.conv(x, 3), "gelu")
        y = self.normed(self.conv(y, 3, 3), "gelu")
        y = self.normed(self.conv(y, 6), None)
        x = self.normed(self.conv(x, 6), None)
        return layers.Activation("gelu")(layers.Add()([y, x]))

    def separable(self, x: Any) -> Any:
        """A wide convolution within each channel, then one across them."""
        x = self.normed(self.layer("DepthwiseConv", x, 3, padding="same", dilation_rate=2, use_bias=False))
        return self.normed(self.conv(x, 6))

    def inverted_residual(self, x: Any) -> Any:
        """Twice the channels and back, with strides first, then with a sum."""
        for strides in (2, 1):
            y = self.normed(self.conv(x, 2 * x.shape[-1]))
            y = self.normed(self.layer("DepthwiseConv", y, 3, strides=strides, padding="same", use_bias=False))
            y = self.normed(self.conv(self.excited(y), 6), None)
            x = layers.Add()([y, x]) if strides == 1 else y
        return x

    def inception(self, x: Any) -> Any:
        """Two modules, with one shortcut around both."""
        before = x
        for _ in range(2):
            narrow = self.conv(x, 3)
            branches = [self.conv(narrow, 2, size) for size in ((40, 20, 10) if self.axes == 1 else (5, 3, 1))]
            branches.append(self.conv(self.layer("MaxPooling", x, 3, strides=1, padding="same"), 2))
            x = self.normed(layers.Concatenate()(branches))
        shortcut = self.normed(self.conv(before, 8), None)
        return layers.Activation("relu")(layers.Add()([x, shortcut]))


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
    hand = ByHand(axes)
    inputs = keras.Input(SHAPES[axes])
    features = hand.layer("GlobalAveragePooling", getattr(hand, kind)(inputs))
    network = keras.Model(inputs, layers.Dense(3)(features))
    for own, other in zip(made.weights, network.weights, strict=True):
        np.testing.assert_array_equal(own, other)
    given = np.random.default_rng(0).normal(size=(3, *SHAPES[axes]))
    np.testing.assert_array_equal(made(given), network(given))


@pytest.mark.parametrize("kind", BLOCKS.own_names)
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
