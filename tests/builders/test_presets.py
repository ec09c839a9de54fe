"""Known networks by name: those of their papers, what is stated beside them, and what they do not fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
from keras import layers

import dlkit
from dlkit.builders._presets import Preset, presets
from dlkit.config.problems import ConfigError
from dlkit.schema.loader import from_mapping, load
from tests.builders.by_hand import ByHand
from tests.builders.networks import built

ROOT = Path(__file__).parents[2]
TABLE = """
name: t
data:
  inputs: {x: {kind: image, preprocess: []}}
  targets: {y: {kind: category}}
model: {builder: cnn, preset: lenet5}
"""


def test_there_is_a_file_entry_for_each_name() -> None:
    assert tuple(presets()) == get_args(Preset)


def lenet5(x: Any) -> Any:
    """LeCun et al. (1998), with max-pooling."""
    x = layers.MaxPooling2D(2)(layers.Conv2D(6, 5, padding="same", activation="tanh")(x))
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    x = layers.Dense(120, "tanh")(x)
    return layers.Dense(84, "tanh")(x)


def resnet9(x: Any) -> Any:
    """Three sizes, of which two have a residual block."""
    hand = ByHand(2)
    x = layers.MaxPooling2D(2)(hand.full(hand.full(x, 64), 128))
    x = layers.MaxPooling2D(2)(hand.full(hand.residual(x, 128), 256))
    x = layers.MaxPooling2D(2)(hand.full(x, 512))
    return layers.GlobalMaxPooling2D()(hand.residual(x, 512))


def airbench(x: Any) -> Any:
    """Three blocks of two convolutions."""
    hand = ByHand(2, "gelu")
    x = layers.Conv2D(24, 2, activation="gelu")(x)
    for filters in (64, 256, 256):
        x = hand.full(layers.MaxPooling2D(2)(hand.full(x, filters)), filters)
    return layers.GlobalMaxPooling2D()(x)


def resnet18(x: Any) -> Any:
    """Four stages of two residual blocks."""
    hand = ByHand(2)
    x = hand.full(x, 64)
    for filters in (64, 128, 256, 512):
        x = hand.residual(hand.residual(x, filters, 1 if filters == 64 else 2), filters)
    return layers.GlobalAveragePooling2D()(x)


def mobilenet_small(x: Any) -> Any:
    """The table of MobileNetV3-Small: window, channels within, channels, strides."""
    relu, swish = ByHand(2), ByHand(2, "hard_swish")
    x = relu.inverted(swish.full(x, 16, strides=2), 16, 16, strides=2, excite=4)
    x = relu.inverted(relu.inverted(x, 24, 72, strides=2), 24, 88)
    for inner, filters, strides in [
        (96, 40, 2), (240, 40, 1), (240, 40, 1), (120, 48, 1), (144, 48, 1), (288, 96, 2), (576, 96, 1), (576, 96, 1)
    ]:  # fmt: skip
        x = swish.inverted(x, filters, inner, 5, strides, excite=4)
    return layers.GlobalAveragePooling2D()(swish.full(x, 576, 1))


def inception_time(x: Any) -> Any:
    """Six modules, with a shortcut around each three."""
    for _ in range(2):
        x = ByHand(1).inception(x, 32, [40, 20, 10], bottleneck=32, modules=3)
    return layers.GlobalAveragePooling1D()(x)


def lite(x: Any) -> Any:
    """Convolutions side by side, then two separable ones."""
    hand = ByHand(1)
    x = hand.normed(layers.Concatenate()([hand.conv(x, 32, size) for size in (40, 20, 10)]))
    x = hand.separable(hand.separable(x, 32, 20, dilation=2), 32, 10, dilation=4)
    return layers.GlobalAveragePooling1D()(x)


def ds_cnn(x: Any) -> Any:
    """A convolution over time and bands, then four separable ones."""
    hand = ByHand(2)
    x = hand.full(x, 64, (10, 4), strides=2)
    for _ in range(4):
        x = hand.separable(x, 64)
    return layers.GlobalAveragePooling2D()(x)


# An input, and the parameters that are trained for ten classes. LeNet-5 has 61,706 by hand, ResNet-18 11,173,962 in
# kuangliu/pytorch-cifar, ResNet-9 6,573,120 and ten biases, airbench94 1.97 million, LITE about 10,000.
NETWORKS = [
    (lenet5, (28, 28, 1), 61_706), (resnet9, (8, 8, 3), 6_573_130), (airbench, (16, 16, 3), 1_972_802),
    (resnet18, (8, 8, 3), 11_173_962), (mobilenet_small, (32, 32, 3), 927_160), (inception_time, (20, 1), 421_482),
    (lite, (20, 1), 9_482), (ds_cnn, (49, 10, 1), 23_050),
]  # fmt: skip


@pytest.mark.parametrize(("network", "shape", "parameters"), NETWORKS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_preset_equals_plain_keras_from_the_same_seed(
    network: Callable[[Any], Any], shape: tuple[int, ...], parameters: int
) -> None:
    keras.utils.set_random_seed(1)
    kind = "image" if len(shape) == 3 else "sequence"
    made = dlkit.cnn(shape, 10, preset=network.__name__, input_kind=kind)
    assert sum(math.prod(variable.shape) for variable in made.trainable_weights) == parameters
    keras.utils.set_random_seed(1)
    inputs = keras.Input(shape)
    features = network(inputs)
    hand = keras.Model(inputs, layers.Dense(10)(features))
    given = np.random.default_rng(0).normal(size=(2, *shape))
    np.testing.assert_array_equal(made(given), hand(given))


def test_the_documentation_says_how_large_they_are() -> None:
    rows = [line for line in (ROOT / "docs" / "networks.md").read_text().splitlines() if line.startswith("| `")]
    said = {row.split("`")[1]: row.split("|")[3].strip() for row in rows}
    assert {network.__name__: f"{parameters:,}" for network, _, parameters in NETWORKS}.items() <= said.items()


def test_what_is_stated_beside_a_preset_wins() -> None:
    model = built(None, (28, 28, 1), preset="lenet5", dense=[7], pooling="average").model
    units = [layer.units for layer in model.layers if isinstance(layer, layers.Dense)]
    assert units == [7, 3]
    assert model.get_layer("dense_1").activation is keras.activations.tanh
    assert any(isinstance(layer, layers.GlobalAveragePooling2D) for layer in model.layers)


def test_what_a_run_keeps_says_the_blocks_and_loads_again(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TABLE)
    loaded = load(tmp_path / "a.yaml", needs_source=False)
    assert [block["filters"] for block in loaded.resolved()["model"]["blocks"]] == [6, 16]
    said = {".".join(map(str, key)): place for key, place in loaded.origins.items()}
    line = f"{tmp_path / 'a.yaml'}:6"
    assert (said["model.blocks.1.filters"], said["model.dense.0"], said["model.dropout"]) == (line, line, "default")
    (tmp_path / "b.yaml").write_text(loaded.to_yaml())
    assert load(tmp_path / "b.yaml", needs_source=False).config.model == loaded.config.model


def test_layers_of_a_preset_come_from_it() -> None:
    origins = built(None, (28, 28, 1), preset="lenet5").origins
    assert origins["conv_2_pool"] == ("model", "preset")


@pytest.mark.parametrize(
    ("overrides", "code", "key", "says", "label"),
    [
        ({"model.preset": "resnet-9"}, "unknown-choice", ("model", "preset"), "`resnet-9`", "did you mean `resnet9`?"),
        ({"model.preset": 3}, "unknown-choice", ("model", "preset"), "is not a choice for `model.preset`", ""),
        (
            {"model.blocks": [{"filters": 4}]},
            "contradiction",
            ("model", "blocks"),
            "are not those of `preset: lenet5`",
            "write `preset: null` for these",
        ),
    ],
)
def test_a_preset_that_is_none_or_not_used_is_refused(
    overrides: dict[str, Any], code: str, key: tuple[str, ...], says: str, label: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(TABLE)
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "a.yaml", overrides, needs_source=False)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == (code, key)
    assert says in problem.message
    assert label in problem.label


@pytest.mark.parametrize(
    ("preset", "shape", "says"),
    [
        ("lenet5", (8, 8, 1), "the preset `lenet5` is too deep for an input of 8 x 8: a window of 5 x 5 does not fit"),
        ("resnet18", (4, 4, 3), "the preset `resnet18` is too deep for an input of 4 x 4: strides of 2 x 2"),
        ("airbench", (8, 8, 3), "the preset `airbench` is too deep for an input of 8 x 8"),
        ("ds_cnn", (98, 40), "the preset `ds_cnn` is for images"),
    ],
)
def test_a_preset_that_does_not_fit_an_input_is_refused_at_its_name(
    preset: str, shape: tuple[int, ...], says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        built(None, shape, preset=preset)
    (problem,) = refused.value.problems
    assert says in problem.message
    assert problem.key == ("model", "preset")
    assert problem.help


def test_a_preset_goes_over_a_padded_sequence_and_padding_changes_nothing() -> None:
    given = np.random.default_rng(0).normal(size=(2, 12, 2))
    given[0, 7:] = np.nan
    made = built(None, (12, 2), ragged=True, preset="lite").model
    longer = built(None, (15, 2), ragged=True, preset="lite").model
    longer.set_weights(made.get_weights())
    padded = np.pad(given, [(0, 0), (0, 3), (0, 0)], constant_values=np.nan)
    np.testing.assert_allclose(longer(padded), made(given), atol=1e-6)


def test_sounds_as_images_and_as_sequences_go_through_presets() -> None:
    def inputs(**log_mel: Any) -> dict[str, Any]:
        steps = [{"log_mel": {"bins": 10, **log_mel}}]
        return {"x": {"kind": "audio", "seconds": 0.3, "rate": 8000, "preprocess": steps}}

    for preset, settings in (("ds_cnn", inputs(as_image=True)), ("lite", inputs())):
        data = {"inputs": settings, "targets": {"y": {"kind": "category", "classes": ["a", "b"]}}}
        model = {"builder": "cnn", "preset": preset}
        config = from_mapping({"name": "t", "data": data, "model": model}, needs_source=False).config
        specs = [
            {name: made[name].without_source(name) for name in made}
            for made in (config.data.inputs, config.data.targets)
        ]
        network = dlkit.build_model(config, dlkit.Spec(*specs))
        assert network(np.zeros((2, 2400), np.float32)).shape == (2, 2)
