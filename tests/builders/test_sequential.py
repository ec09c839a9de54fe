"""`builder: sequential`: layers by name, what they give, and what does not fit where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import dlkit
from dlkit.config.keras_names import layer_name, table
from dlkit.config.problems import ConfigError, Problem
from dlkit.data.bound import Spec, bound
from dlkit.models.build import BuiltModel, build
from dlkit.schema.features import Feature
from dlkit.schema.keras_objects import keras_class
from dlkit.schema.loader import from_mapping
from tests.quick import ALONE

RANDOM = np.random.default_rng(0)


def built(stack: list[Any], kind: str = "image", shape: tuple[int, ...] = (8, 8, 1), **more: Any) -> BuiltModel:
    """A network of these layers over one input of floats."""
    inputs = {"x": {"kind": kind, "preprocess": []}, **more.pop("inputs", {})}
    data = {"inputs": inputs, "targets": {"y": {"kind": "category"}}}
    model = {"builder": "sequential", "layers": stack, **more}
    config = from_mapping({"name": "t", "data": data, "model": model}, needs_source=False).config
    ragged = shape[0] is None or (kind == "sequence" and shape[0] == 12)
    features = {"x": Feature("x", kind, shape, "float32", ragged=ragged)}
    features |= {name: Feature(name, "number", (2,), "float32") for name in inputs if name != "x"}
    spec = Spec(features, {"y": Feature("y", "category", (), "int32", ("a", "b", "c"))})
    return build(config, bound(spec, config.data))


def test_words_take_arguments_of_their_own() -> None:
    stack = [
        "flatten",
        {"dense": {"units": 4, "kernel_initializer": {"random_normal": {"stddev": 3.0}},
                   "kernel_regularizer": {"l1_l2": {"l1": 0.1, "l2": 0.2}}, "bias_initializer": {"constant": 7.0},
                   "kernel_constraint": {"max_norm": 2}}},
    ]  # fmt: skip
    layer = next(x for x in built(stack).network.layers if x.name == "dense_1")
    assert (layer.kernel_initializer.stddev, layer.kernel_constraint.max_value) == (3.0, 2)
    assert (float(layer.kernel_regularizer.l1), float(layer.kernel_regularizer.l2)) == pytest.approx((0.1, 0.2))
    assert (np.asarray(layer.bias) == 7).all()


def problem(stack: list[Any], **more: Any) -> Problem:
    with pytest.raises(ConfigError) as refused:
        built(stack, **more)
    (found,) = refused.value.problems
    return found


def test_layers_are_those_of_keras_sequential() -> None:
    stack = [
        {"conv2d": {"filters": 4, "kernel_size": 3, "activation": "relu", "kernel_initializer": "he_normal"}},
        {"batch_normalization": {"name": "norm"}}, {"max_pooling2d": 2}, {"reshape": [3, 12]}, {"gru": 5},
        {"dropout": 0.1}, {"dense": {"units": 6, "kernel_regularizer": "l2"}}, "relu",
    ]  # fmt: skip
    hand = keras.Sequential([
        keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu", kernel_initializer="he_normal"),
        layers.BatchNormalization(name="norm"), layers.MaxPooling2D(2), layers.Reshape((3, 12)), layers.GRU(5),
        layers.Dropout(0.1), layers.Dense(6, kernel_regularizer="l2"), layers.ReLU(), layers.Dense(3),
    ])  # fmt: skip
    made = built(stack).model
    assert [v.shape for v in made.weights] == [v.shape for v in hand.weights]
    hand.set_weights(made.get_weights())
    x = RANDOM.normal(size=(5, 8, 8, 1)).astype("float32")
    np.testing.assert_allclose(made(x), hand(x), atol=1e-6)
    assert len(made.losses) == len(hand.losses) == 1
    names = [layer.name for layer in made.layers]
    assert {"conv2d_1", "norm", "max_pooling2d_1", "reshape_1", "gru_1", "dropout_1", "dense_1", "relu_1"} <= set(names)


def test_every_layer_of_the_table_is_a_class_of_keras() -> None:
    for name in table()["layers"]:
        cls = keras_class("layers", name)
        assert cls is not None and layer_name(cls.__name__) == name


def test_layers_come_from_their_lines() -> None:
    made = built([{"conv2d": {"filters": 2, "kernel_size": 3}}, "flatten", {"dense": 4}])
    origins = {name: key for name, key in made.origins.items() if name in ("conv2d_1", "flatten_1", "dense_1")}
    assert origins == {name: ("model", "layers", n) for n, name in enumerate(("conv2d_1", "flatten_1", "dense_1"))}


def test_padding_changes_nothing_where_layers_know_the_mask() -> None:
    stack = [{"dense": {"units": 4, "activation": "tanh"}}, "layer_normalization", {"lstm": 3}]
    model = built(stack, "sequence", (12, 2)).model
    short = RANDOM.normal(size=(4, 6, 2)).astype("float32")
    padded = np.full((4, 12, 2), np.nan, "float32")
    padded[:, :6] = short
    longer = padded.copy()
    longer[:, 6:] = RANDOM.normal(size=(4, 6, 2))
    weights, other = model.get_weights(), built(stack, "sequence", (6, 2)).model
    other.set_weights(weights)
    np.testing.assert_allclose(model(padded), other(short), atol=1e-6)
    assert np.abs(np.asarray(model(longer)) - np.asarray(model(padded))).max() > 1e-3


@pytest.mark.parametrize("first", ["flatten", {"conv1d": {"filters": 2, "kernel_size": 3}}])
def test_a_layer_that_takes_padding_for_values_is_refused(first: Any) -> None:
    found = problem([first, {"lstm": 3}], kind="sequence", shape=(12, 2))
    assert (found.code, found.key) == ("padding-counts", ("model", "layers", 0))


@pytest.mark.parametrize(
    ("stack", "code", "key", "says"),
    [
        (["flaten"], "unknown-choice", (0,), "did you mean `flatten`?"),
        (["Conv2D"], "unknown-choice", (0,), "did you mean `conv2d`?"),
        ([{"Conv2D": 8}], "unknown-choice", (0, "Conv2D"), "did you mean `conv2d`?"),
        (["embedding"], "unknown-choice", (0,), "state `embedding:` at the input"),
        ([{"random_flip": "horizontal"}], "unknown-choice", (0, "random_flip"), "`augment`"),
        ([{"dense": {"unit": 8}}], "unknown-key", (0, "dense", "unit"), "did you mean `units`?"),
        ([{"dense": {"units": 8, "activation": "ReLU"}}], "unknown-choice", (0, "dense", "activation"), "`relu`"),
        ([{"dense": {"units": 8, "kernel_initializer": {"random_norml": {"stddev": 1.0}}}}], "unknown-choice",
         (0, "dense", "kernel_initializer"), "`random_normal`"),
        (["flatten", {"dense": {"units": 8, "kernel_regularizer": {"l2": {"lamda": 1.0}}}}], "refused-by-keras",
         (1, "dense", "kernel_regularizer"), "lamda"),
        ([{"dense": {"units": 8, "kernel_initializer": "he_norml"}}], "unknown-choice",
         (0, "dense", "kernel_initializer"), "`he_normal`"),
        ([{"flatten": 3}], "malformed-step", (0, "flatten"), "must be a mapping"),
        ([{"conv2d": {"filters": 8}}], "missing-key", (0,), "`conv2d` needs `kernel_size`"),
        ([{"conv2d": {"filters": 8, "kernel_size": 40}}], "refused-by-keras", (0,), "`conv2d` on 8 x 8 x 1"),
        ([{"conv2d": {"filters": 8, "kernel_size": 3, "kernel_regularizer": "orthogonal_regularizer"}}],
         "refused-by-keras", (0,), "rank 2"),
        (["flatten", {"dense": -3}], "refused-by-keras", (1,), "positive integer"),
        ([{"dense": 3}], "not-a-vector", (0,), "8 x 8 x 3"),
        (["flatten", {"dense": {"units": 2, "name": "a"}}, {"dense": {"units": 2, "name": "a"}}], "contradiction",
         (2,), "layer 2 already"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_layer(
    stack: list[Any], code: str, key: tuple[Any, ...], says: str
) -> None:
    found = problem(stack)
    assert (found.code, found.key) == (code, ("model", "layers", *key))
    assert says in f"{found.message} {found.label} {found.help}"


def test_the_input_that_goes_through_the_layers_is_chosen() -> None:
    given = {"inputs": {"z": {"kind": "number", "preprocess": []}}}
    wide = built([{"dense": 4}, {"dense": 5}], "number", (7,), **given)
    assert [v.shape for v in wide.network.weights][:1] == [(7, 4)]
    other = built([{"dense": 4}, {"dense": 5}], "number", (7,), input="z", **given)
    assert [v.shape for v in other.network.weights][:1] == [(2, 4)]
    found = problem(["flatten"], input="zz", **given)
    assert (found.code, found.key) == ("unknown-choice", ("model", "input")) and "`z`" in found.help


@pytest.mark.parametrize(
    ("stack", "cost"),
    [([{"dense": 4}], "dense"), (["flatten"], "dense"), ([{"reshape": [8, 8]}, {"lstm": 4}], "recurrent"),
     ([{"separable_conv2d": {"filters": 4, "kernel_size": 3}}], "convolution")],
)  # fmt: skip
def test_what_the_layers_cost(stack: list[Any], cost: str) -> None:
    data = {"inputs": {"x": {"kind": "image"}}, "targets": {"y": {"kind": "category"}}}
    model = {"builder": "sequential", "layers": stack}
    assert from_mapping({"name": "t", "data": data, "model": model}, needs_source=False).config.model.cost == cost


def test_a_model_of_a_notebook() -> None:
    model = dlkit.sequential((4,), classes=2, layers=[{"dense": {"units": 3, "activation": "relu"}}])
    assert [layer.name for layer in model.layers if layer.weights] == ["dense_1", "output"]


def test_a_run_keeps_the_layers_as_they_were_written(tmp_path: Path) -> None:
    x = RANDOM.normal(size=(20, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category"}}}
    stack = [{"dense": {"units": 3, "name": "body"}}, "relu", {"dropout": 0.5}]
    model = {"builder": "sequential", "layers": stack}
    training = {"epochs": 1, **ALONE}
    config = {"name": "t", "data": data, "model": model, "training": training}
    run = dlkit.train(config, data={"train": (x, y), "test": (x, y)}, runs_folder=tmp_path, verbose=False)
    assert run.evaluate() == pytest.approx(run.test, rel=1e-6)
    assert "body" in (run.folder / "config.yaml").read_text()
