"""Networks of keras.applications as the body of `builder: cnn`: what Keras makes of them, and what does not fit."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import dlkit
from dlkit.builders._blocks._backbone import Backbone
from dlkit.checks.context import CheckContext
from dlkit.checks.rules import RULES
from dlkit.config import keras_names
from dlkit.config.problems import DlkitError
from dlkit.data.bound import Spec
from dlkit.models.build import build
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from tests.builders.applications import application, configuration, saved
from tests.builders.networks import built

PIXELS = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype("float32")


def by_hand(name: str, weights: Path, channels: int = 3) -> keras.Model:
    """The network as the documentation of Keras puts one together, with a head of three classes."""
    function = application(name)
    inputs = keras.Input((32, 32, channels))
    x = layers.Concatenate()([inputs] * 3) if channels == 1 else inputs
    x = sys.modules[function.__module__].preprocess_input(x)
    x = function(include_top=False, weights=str(weights), input_shape=(32, 32, 3))(x)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("mobilenet", tmp_path_factory.mktemp("weights"))


def test_keras_has_the_names_and_a_function_for_the_pixels_of_each() -> None:
    for name in keras_names.table()["applications"]:
        assert sys.modules[application(name).__module__].preprocess_input


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["resnet50", "resnet50v2", "vgg16", "densenet121", "mobilenet", "mobilenetv2", "mobilenetv3small",
     "efficientnetv2b0", "convnexttiny", "nasnetmobile"],
)  # fmt: skip
def test_a_backbone_with_weights_equals_plain_keras_and_opens_there(name: str, tmp_path: Path) -> None:
    path = saved(name, tmp_path)
    made = dlkit.cnn((32, 32, 3), 3, backbone={"name": name, "weights": str(path)})
    hand = by_hand(name, path)
    hand.set_weights([*hand.get_weights()[:-2], *made.get_weights()[-2:]])
    expected = np.asarray(hand(PIXELS))
    np.testing.assert_array_equal(made(PIXELS), expected)
    made.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(PIXELS), expected)
    for model in (made, again):
        backbone = model.get_layer("backbone")
        assert backbone.trainable_weights
        normal = [layer for layer in backbone.layers if isinstance(layer, layers.BatchNormalization)]
        assert not any(layer.trainable for layer in normal)


def test_pixels_come_as_a_backbone_takes_them_whatever_rescale_does_and_gray_is_every_colour(file: Path) -> None:
    steps = [{"resize": {"height": 32, "width": 32}}, {"rescale": {"scale": 1 / 127.5, "offset": -1.0}}]
    made = from_files(file, (32, 32, 1), steps)
    hand = by_hand("mobilenet", file, channels=1)
    hand.set_weights([*hand.get_weights()[:-2], *made.get_weights()[-2:]])
    np.testing.assert_allclose(made(PIXELS[..., :1]), hand(PIXELS[..., :1]), rtol=1e-4, atol=1e-5)


def from_files(file: Path, shape: tuple[int, ...], preprocess: list[Any]) -> keras.Model:
    """The model of a configuration with images of 8 bits."""
    config = from_mapping(configuration(file, {"preprocess": preprocess}), needs_source=False).config
    return dlkit.build_model(config, spec_of(shape))


def spec_of(shape: tuple[int, ...]) -> Spec:
    """Images of 8 bits, of three classes."""
    x, y = Feature("x", "image", shape, "uint8"), Feature("y", "category", (), "int32", ("0", "1", "2"))
    return Spec({"x": x}, {"y": y}, {"train": 24})


def test_the_weights_of_a_backbone_are_not_too_many_for_few_examples() -> None:
    """They need not be learned."""
    spoken = []
    for weights in ("none", "imagenet"):
        config = from_mapping(configuration(weights), needs_source=False).config
        case = CheckContext(config, build(config, spec_of((32, 32, 3))))
        spoken += [weights for _ in RULES["many-parameters"](case)]
    assert spoken == ["none"]


@pytest.mark.slow
def test_efficientnet_divides_by_the_deviations_as_keras_does_with_its_own_weights(tmp_path: Path) -> None:
    network = application("efficientnetb0")(include_top=False, weights=None)
    (scaling,) = (layer for layer in network.layers if isinstance(layer, layers.Normalization))
    # What Keras's file has: deviations where variances are expected.
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    scaling.set_weights([means, deviations, np.array(1)])
    network.save_weights(tmp_path / "a.weights.h5")
    made = dlkit.cnn((32, 32, 3), 3, backbone={"name": "efficientnetb0", "weights": str(tmp_path / "a.weights.h5")})
    backbone = made.get_layer("backbone")
    (scaling,) = (layer for layer in backbone.layers if isinstance(layer, layers.Normalization))
    seen = keras.Model(backbone.input, scaling.output)(PIXELS)
    np.testing.assert_allclose(seen, (PIXELS / 255 - means) / deviations, rtol=1e-5, atol=1e-5)
    made.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras")(PIXELS), made(PIXELS))


# What does not fit.


@pytest.mark.parametrize(
    ("shape", "backbone", "says"),
    [
        ((20, 64, 3), "inceptionv3", "`inceptionv3` takes images of 75 x 75 or larger, not of 20 x 64"),
        ((64, 64, 2), "resnet50", "`resnet50` takes images of three channels, or gray ones; `x` is 64 x 64 x 2"),
    ],
)
def test_images_that_a_backbone_does_not_take(shape: tuple[int, ...], backbone: str, says: str) -> None:
    with pytest.raises(DlkitError) as refused:
        built(None, shape, backbone=backbone)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("not-for-backbone", ("model", "backbone"))
    assert says in problem.message
    assert problem.help


@pytest.mark.parametrize(
    ("model", "key", "says"),
    [
        ({"backbone": {"name": "ResNet-50"}}, ("model", "backbone", "name"), "did you mean `resnet50`?"),
        ({"backbone": "efficientnet_b0"}, ("model", "backbone", "name"), "did you mean `efficientnetb0`?"),
        ({"base_model": "resnet50"}, ("model", "base_model"), "did you mean `backbone`?"),
        ({"backbone": {"name": "resnet50", "pretrained": "none"}}, ("model", "backbone", "pretrained"), "`weights`"),
        (
            {"backbone": {"name": "resnet50", "weights": True}},
            ("model", "backbone", "weights"),
            "one of imagenet, none or text",
        ),
        ({"backbone": "resnet50", "preset": "resnet9"}, ("model", "preset"), "each say what the network is"),
        ({"backbone": "resnet50", "blocks": [{"filters": 2}]}, ("model", "blocks"), "say what the network is"),
    ],
)
def test_settings_that_cannot_stand(model: dict[str, Any], key: tuple[str, ...], says: str) -> None:
    mapping = {**configuration("none"), "model": {"builder": "cnn", **model}}
    with pytest.raises(DlkitError) as refused:
        from_mapping(mapping, needs_source=False)
    (problem,) = refused.value.problems
    assert problem.key == key
    assert says in f"{problem.message} {problem.label} {problem.help}"


def test_a_backbone_is_for_images() -> None:
    mapping = configuration("none")
    mapping["data"]["inputs"]["x"] = {"kind": "sequence"}
    with pytest.raises(DlkitError, match="for images, and no input is one"):
        from_mapping(mapping, needs_source=False)


@pytest.fixture(scope="module")
def backbone() -> Any:
    return application("mobilenet")(include_top=False, weights=None, input_shape=(32, 32, 3))


KEY = ("model", "backbone", "weights")


def refusal(weights: Path | str, backbone: Any) -> Any:
    """What is said of weights that are to be put into a network."""
    settings = Backbone.model_validate({"name": "mobilenet", "weights": str(weights)})
    with pytest.raises(DlkitError) as refused:
        settings.load(backbone, KEY[:2])
    (problem,) = refused.value.problems
    assert problem.key == KEY
    return problem


def test_files_that_are_no_weights_of_the_network(backbone: Any, file: Path, tmp_path: Path) -> None:
    problem = refusal("no.h5", backbone)
    assert (problem.code, problem.message) == ("missing-file", "there is no file `no.h5`")
    (tmp_path / "text.h5").write_text("no weights")
    (tmp_path / "image.png").write_bytes(b"\x89PNG")
    for name in ("text.h5", "image.png"):
        assert "is no file of weights" in refusal(tmp_path / name, backbone).message
    with_top = refusal(saved("mobilenet", tmp_path, ".h5", include_top=True, input_shape=None), backbone)
    assert "holds 4,253,864 numbers, and `mobilenet` without its last layers has 3,228,864" in with_top.message
    assert "`notop`" in with_top.help
    other = [w.reshape(-1) for w in backbone.get_weights()]
    flat = keras.Sequential([keras.Input((1,)), layers.Dense(sum(map(len, other)), use_bias=False)])
    flat.save_weights(tmp_path / "flat.weights.h5")
    assert "have other shapes than those" in refusal(tmp_path / "flat.weights.h5", backbone).message


@pytest.mark.parametrize("ending", [".h5", pytest.param(".keras", marks=pytest.mark.slow)])
def test_every_form_in_which_keras_saves_weights_is_read(
    backbone: Any, file: Path, tmp_path: Path, ending: str
) -> None:
    path = saved("mobilenet", tmp_path, ending)
    Backbone.model_validate({"name": "mobilenet", "weights": str(path)}).load(backbone, KEY[:2])
    expected = application("mobilenet")(include_top=False, weights=str(file), input_shape=(32, 32, 3))
    # Both were made with other random numbers, and the same statistics.
    assert backbone.get_weights()[4].tobytes() == expected.get_weights()[4].tobytes()


def test_weights_that_cannot_be_downloaded_are_reported_with_where_they_are(
    backbone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("no_proxy", "")
    # Keras reads KERAS_HOME when it is imported.
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    problem = refusal("imagenet", backbone)
    assert problem.code == "no-trained-weights"
    assert "are not on this machine, and cannot be downloaded" in problem.message
    assert re.search(r"download https://\S+_no_top\.h5 elsewhere.*write `weights: \S+_no_top\.h5`", problem.help)
    assert "\n" not in problem.message + problem.help
    assert capsys.readouterr().out == ""
