"""Builders give plain, compiled Keras models that fit their data."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.data.bound import Spec, bound
from dlkit.models.build import build, results_model
from dlkit.schema.builder import BUILDERS
from dlkit.schema.features import Feature
from dlkit.schema.function_settings import settings_class
from dlkit.schema.loader import from_mapping

IMAGE = Spec(
    {"image": Feature("image", "image", (28, 28, 1), "uint8")},
    {"label": Feature("label", "category", (), "int32", tuple("0123456789"))},
)


def config_for(model: dict[str, Any], **more: Any) -> dlkit.Config:
    """A configuration with this model over images."""
    data = {"inputs": {"image": {"kind": "image"}}, "targets": {"label": {"kind": "category"}}}
    return from_mapping({"name": "t", "data": data, "model": model, **more}, needs_source=False).config


def test_the_cnn_of_the_tutorial_has_its_layers_and_its_number_of_parameters() -> None:
    model = dlkit.cnn(
        input_shape=(28, 28, 1),
        classes=10,
        blocks=[{"filters": 32, "pool_size": 2}, {"filters": 64, "pool_size": 2}, {"filters": 64}],
        dense=[64],
    )
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "InputLayer",
        "Conv2D",
        "MaxPooling2D",
        "Conv2D",
        "MaxPooling2D",
        "Conv2D",
        "Flatten",
        "Dense",
        "Dense",
    ]
    # 320 + 18,496 + 36,928 + 36,928 + 650: the figure of the tutorial's summary.
    assert model.count_params() == 93_322


CATEGORY, BINARY, NUMBER = ("category", 5, 5), ("binary", None, 1), ("number", None, 1)
SHAPES = [("cnn", (28, 28, 1)), ("mlp", (20,)), ("mlp", (4, 5)), ("rnn", (12, 3))]
# Every builder and every kind of target once; the other pairs are variations.
PAIRED = [("cnn", (28, 28, 1), *CATEGORY), ("mlp", (20,), *BINARY), ("rnn", (12, 3), *NUMBER)]


@pytest.mark.parametrize(
    ("build", "shape", "target", "classes", "width"),
    [
        pytest.param(*case, marks=() if case in PAIRED else pytest.mark.slow, id=f"{case[0]}-{case[1]}-{case[2]}")
        for case in ((*shape, *target) for shape in SHAPES for target in (CATEGORY, BINARY, NUMBER))
    ],
)
def test_builders_give_compiled_models_whose_logits_fit_their_loss(
    build: str, shape: tuple[int, ...], target: str, classes: int | None, width: int
) -> None:
    model = getattr(dlkit, build)(input_shape=shape, classes=classes, target=target)
    assert isinstance(model, keras.Model)
    assert model.output_shape == (None, width)
    random = np.random.default_rng(0)
    x = random.normal(size=(8, *shape)).astype("float32")
    y = random.integers(0, classes or 2, 8)
    logits = np.asarray(model(x))
    figures = model.evaluate(x, y, verbose=0, return_dict=True)
    if target == "category":
        expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(8), y])
        assert figures["accuracy"] == pytest.approx(np.mean(logits.argmax(axis=1) == y))
    elif target == "binary":
        expected = np.mean(np.log1p(np.exp(-np.where(y == 1, 1, -1) * logits[:, 0])))
        assert figures["accuracy"] == pytest.approx(np.mean((logits[:, 0] > 0) == y))
    else:
        expected = np.mean((logits[:, 0] - y) ** 2)
    assert figures["loss"] == pytest.approx(expected, rel=1e-4)
    model.fit(x, y, verbose=0)


@pytest.mark.parametrize("model", [{"builder": "cnn"}, {"builder": "mlp"}, {"builder": "rnn"}], ids=str)
def test_a_model_of_a_configuration_takes_raw_pixels(model: dict[str, Any]) -> None:
    built = dlkit.build_model(config_for(model), IMAGE)
    assert built.input.dtype == "uint8"
    pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1)).astype("uint8")
    assert np.abs(built(pixels)).max() < 20


def test_results_are_the_softmax_of_the_logits_in_float32() -> None:
    built = build(config_for({"builder": "mlp"}), IMAGE)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1)).astype("uint8")
    logits = np.asarray(built.model(pixels))
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    found = np.asarray(results_model(built)(pixels))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_each_setting_of_a_block_becomes_a_layer() -> None:
    block = {
        "filters": 4, "kernel_size": [3, 5], "strides": 2, "padding": "same", "activation": "gelu",
        "batch_normalization": True, "pool_size": [2, 1], "dropout": 0.3,
    }  # fmt: skip
    model = dlkit.cnn(
        input_shape=(28, 28, 3), classes=2, blocks=[block], pooling="average", dense=[5], activation="tanh"
    )
    layers = {type(layer).__name__: layer for layer in model.layers}
    conv = layers["Conv2D"]
    assert (conv.kernel_size, conv.strides, conv.padding, conv.use_bias) == ((3, 5), (2, 2), "same", False)
    assert layers["Activation"].activation is keras.activations.gelu
    assert layers["MaxPooling2D"].pool_size == (2, 1)
    assert layers["Dropout"].rate == 0.3
    assert "BatchNormalization" in layers and "GlobalAveragePooling2D" in layers
    assert model.layers[-2].activation is keras.activations.tanh


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_recurrent_layers_stack_and_read_both_ways(cell: str) -> None:
    model = dlkit.rnn(input_shape=(7, 3), classes=2, cell=cell, units=[6, 5], bidirectional=True, dropout=0.1)
    assert model.layers[1].output.shape == (None, 7, 12)
    assert model.layers[3].output.shape == (None, 10)


def test_more_pooling_than_pixels_is_refused_at_its_block() -> None:
    blocks = [{"filters": 4, "pool_size": 4}] * 3
    with pytest.raises(ConfigError) as refused:
        dlkit.build_model(config_for({"builder": "cnn", "blocks": blocks}), IMAGE)
    problem = refused.value.problems[0]
    assert problem.code == "window-too-large"
    assert problem.key == ("model", "blocks", 2, "kernel_size")


def test_a_misspelt_setting_is_refused_in_a_notebook_too() -> None:
    with pytest.raises(ConfigError, match="dens"):
        dlkit.mlp(input_shape=(4,), classes=2, dens=[3])


def test_the_functions_tell_their_settings_to_help_and_completion() -> None:
    parameters = inspect.signature(dlkit.cnn).parameters
    assert list(parameters)[:4] == ["input_shape", "classes", "target", "optimizer"]
    assert {"blocks", "pooling", "dense", "activation", "dropout"} <= set(parameters)
    assert "Output channels" in str(dlkit.Config.model_json_schema())
    assert "how the last feature map" in dlkit.cnn.__doc__.lower()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ({"name": "precision", "thresholds": 0.7}, 0.5),
        ({"name": "recall", "thresholds": 0.0}, 1.0),
        ({"name": "precision", "thresholds": 0.95}, 0.0),
        ({"name": "auc"}, 0.5),
        ({"name": "binary_accuracy"}, 0.75),
        ({"name": "binary_accuracy", "threshold": 0}, 0.5),
        ({"name": "f1_score"}, 0.8),
        ({"name": "f_beta_score", "beta": 2.0}, 10 / 11),
        ({"name": "recall_at_precision", "precision": 0.6}, 1.0),
        ({"name": "hinge"}, 0.9),
        ({"name": "binary_crossentropy"}, 0.7849),
    ],
    ids=str,
)
def test_metrics_see_results_in_the_run_in_a_saved_model_and_in_a_notebook(
    metric: dict[str, Any], expected: float
) -> None:
    from dlkit.models.losses import Choice, on_logits

    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "binary"}}}
    config = {"name": "t", "data": data, "model": {"builder": "mlp"}, "training": {"metrics": [metric]}}
    training = from_mapping(config, needs_source=False).config
    feature = Feature("y", "binary", (), "int32")
    target = bound(Spec({}, {"y": feature}), training.data).targets["y"]
    labels = np.array([0, 1, 1, 0])
    probabilities = np.array([0.1, 0.8, 0.6, 0.9])[:, None]
    logits = np.log(probabilities / (1 - probabilities))
    choice = Choice(training.training, {})
    (made,) = choice.metrics(target)
    made.update_state(target.settings.metric_labels(target, labels), probabilities)
    assert float(made.result()) == pytest.approx(expected, abs=1e-3)
    (in_a_notebook,) = on_logits(target, choice.metrics(target))
    in_a_notebook.update_state(labels, logits)
    assert float(in_a_notebook.result()) == pytest.approx(float(made.result()), abs=1e-6)


@pytest.mark.parametrize(
    ("builder", "code"),
    [
        (lambda inputs: inputs[0], "plugin-raised"),
        (lambda inputs: 3, "model-does-not-build"),
        (lambda inputs: inputs["image"][..., 0], "not-a-vector"),
    ],
    ids=["raises", "gives no tensor", "gives no vector"],
)
def test_a_plug_in_builder_that_fails_is_reported_as_the_plug_in_s_mistake(builder: Any, code: str) -> None:
    from dlkit.models.build import build

    mine = settings_class(BUILDERS, "mine", builder)(builder="mine")
    config = config_for({"builder": "mlp"}).model_copy(update={"model": mine})
    with pytest.raises(ConfigError) as refused:
        build(config, IMAGE)
    assert refused.value.problems[0].code == code


@pytest.mark.parametrize(
    ("image", "metrics", "key"),
    [
        ({}, [{"name": "precision", "thresholds": 7}], ("training", "metrics", 0)),
        (
            {"augment": [{"random_translation": {"height_factor": 7, "width_factor": 0}}]},
            ["accuracy"],
            ("data", "inputs", "image", "augment", 0),
        ),
    ],
)
def test_arguments_that_keras_refuses_are_reported_at_their_setting(
    image: dict[str, Any], metrics: list[Any], key: tuple[Any, ...]
) -> None:
    data = {"inputs": {"image": {"kind": "image", **image}}, "targets": {"label": {"kind": "binary"}}}
    config = {"name": "t", "data": data, "model": {"builder": "mlp"}, "training": {"metrics": metrics}}
    spec = Spec(IMAGE.inputs, {"label": Feature("label", "binary", (), "int32")})
    with pytest.raises(ConfigError) as refused:
        dlkit.build_model(from_mapping(config, needs_source=False).config, spec)
    assert (refused.value.problems[0].code, refused.value.problems[0].key) == ("refused-by-keras", key)


def test_classes_may_be_a_number_of_numpy() -> None:
    assert dlkit.mlp(input_shape=(4,), classes=np.int64(3)).output_shape == (None, 3)


@pytest.mark.parametrize(("build", "shape"), [("cnn", (28, 28)), ("rnn", (28,))])
def test_a_missing_axis_of_channels_is_reported(build: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError) as refused:
        getattr(dlkit, build)(input_shape=shape, classes=10)
    assert refused.value.problems[0].code == "input-rank"
    assert "channels" in refused.value.problems[0].help


def test_a_model_is_saved_of_inputs_with_and_without_preprocessing(tmp_path: Path) -> None:
    inputs = {"image": {"kind": "image", "preprocess": ["rescale"]}, "x": {"kind": "number", "preprocess": []}}
    data = {"inputs": inputs, "targets": {"y": {"kind": "binary"}}}
    config = from_mapping({"name": "t", "data": data, "model": {"builder": "mlp"}}, needs_source=False).config
    features = {"image": IMAGE.inputs["image"], "x": Feature("x", "number", (3,), "float32")}
    model = dlkit.build_model(config, Spec(features, {"y": Feature("y", "binary", (), "int32")}))
    model.save(tmp_path / "m.keras")
    given = {"image": np.ones((2, *IMAGE.inputs["image"].shape), "uint8"), "x": np.ones((2, 3), "float32")}
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(given), model(given))
