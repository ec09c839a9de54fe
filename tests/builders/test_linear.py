"""`builder: linear`: regressions without a hidden layer, and forecasts by one dense layer over time."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlkit.config.problems import ConfigError
from dlkit.data.bound import Spec, bound
from dlkit.models.build import BuiltModel, build
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping

RANDOM = np.random.default_rng(0)
STEPS, HORIZON = 9, 4
PAST = RANDOM.normal(size=(6, STEPS, 2)).astype("float32")


def built(
    shapes: dict[str, tuple[int, ...]], target: Feature | None = None, *, ragged: bool = False, **model: Any
) -> BuiltModel:
    """A linear model of inputs of these shapes, and of a forecast of two channels where no target is given."""
    target = target or Feature("y", "forecast", (HORIZON, 2), "float32")
    kinds = {name: "sequence" if len(shape) == 2 else "number" for name, shape in shapes.items()}
    data = {
        "inputs": {name: {"kind": kind, "preprocess": []} for name, kind in kinds.items()},
        "targets": {"y": {"kind": target.kind, **({} if target.classes else {"normalize": False})}},
    }
    given = {"name": "t", "data": data, "model": {"builder": "linear", **model}}
    config = from_mapping(given, needs_source=False).config
    inputs = {name: Feature(name, kinds[name], shape, "float32", ragged=ragged) for name, shape in shapes.items()}
    return build(config, bound(Spec(inputs, {"y": target}), config.data))


def over_time(x: Any) -> Any:
    return layers.Permute((2, 1))(layers.Dense(HORIZON)(layers.Permute((2, 1))(x)))


def by_hand(kind: str) -> keras.Model:
    """The forecast in plain Keras, as the paper's own code has it."""
    x = keras.Input((STEPS, 2))
    if kind == "plain":
        y = over_time(x)
    elif kind == "nlinear":
        last = layers.Cropping1D((STEPS - 1, 0))(x)
        y = layers.Add()([over_time(layers.Subtract()([x, last])), layers.UpSampling1D(HORIZON)(last)])
    else:
        ends = [layers.UpSampling1D(2)(x[:, :1]), x, layers.UpSampling1D(2)(x[:, -1:])]
        average = layers.AveragePooling1D(5, 1)(layers.Concatenate(axis=1)(ends))
        y = layers.Add()([over_time(average), over_time(layers.Subtract()([x, average]))])
    return keras.Model(x, layers.Flatten()(y))


@pytest.mark.parametrize("kind", [None, "nlinear", "dlinear", "plain"])
def test_a_forecast_equals_a_network_written_by_hand(kind: str | None) -> None:
    made, hand = built({"past": (STEPS, 2)}, kind=kind, window=5), by_hand(kind or "nlinear")
    assert [v.shape for v in made.model.weights] == [v.shape for v in hand.weights]
    hand.set_weights(made.model.get_weights())
    np.testing.assert_allclose(made.model(PAST), hand(PAST), atol=1e-6)
    assert {key for name, key in made.origins.items() if name.startswith("y_")} == {("data", "targets", "y")}


def test_a_level_that_is_added_to_a_series_is_added_to_its_forecast() -> None:
    model = built({"past": (STEPS, 2)}, kind="nlinear").model
    np.testing.assert_allclose(model(PAST + 7), model(PAST) + 7, atol=1e-5)


def test_further_channels_and_inputs_are_added_as_vectors() -> None:
    made = built({"known": (HORIZON, 1), "past": (STEPS, 3), "place": (5,)})
    shapes = {layer.name: layer.kernel.shape for layer in made.model.layers if layer.weights}
    assert shapes == {"y_forecast": (STEPS, HORIZON), "y": (STEPS + HORIZON + 5, HORIZON * 2)}


@pytest.mark.parametrize("kind", ["nlinear", "dlinear", "plain"])
def test_steps_that_are_not_there_are_as_the_last_that_is(kind: str) -> None:
    model = built({"past": (STEPS, 2)}, ragged=True, kind=kind).model
    short, held = PAST.copy(), PAST.copy()
    short[:, 6:], held[:, 6:] = np.nan, PAST[:, 5:6]
    np.testing.assert_allclose(model(short), model(held), atol=1e-6)


def test_a_penalty_is_that_of_ridge_regression() -> None:
    x = RANDOM.normal(size=(40, 3)).astype("float32")
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + 3
    made = built({"x": (3,)}, Feature("y", "number", (), "float32"), kernel_regularizer={"l2": 0.1})
    kernel, bias = made.model.weights
    # The gradient of the loss is 0 at the answer of ridge regression.
    centred, inner = x - x.mean(axis=0), y - y.mean()
    weights = np.linalg.solve(centred.T @ centred / 40 + 0.1 * np.eye(3), centred.T @ inner / 40)
    kernel.assign(weights)
    bias.assign((y.mean() - x.mean(axis=0) @ weights).reshape(1))
    assert float(ops.sum(made.model.losses[0])) == pytest.approx(0.1 * float((weights**2).sum()))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = ops.mean((made.model(x) - y) ** 2) + sum(made.model.losses)
    for gradient in tape.gradient(loss, [kernel.value, bias.value]):
        np.testing.assert_allclose(gradient, 0, atol=1e-5)


CATEGORY = Feature("y", "category", (), "int32", ("a", "b"))


@pytest.mark.parametrize(
    ("shapes", "target", "model", "key", "says"),
    [
        ({"x": (3,)}, None, {"kind": "dlinear"}, "kind", "no input is a series of 2 channels"),
        ({"past": (STEPS, 1)}, None, {"kind": "plain"}, "kind", "no input is a series of 2 channels"),
        ({"past": (STEPS, 2)}, CATEGORY, {"kind": "nlinear"}, "kind", "no target is a forecast"),
        ({"past": (STEPS, 2), "x": (3,)}, None, {"input": "x"}, "input", "`x` is no series"),
        ({"past": (STEPS, 2)}, None, {"input": "pasd"}, "input", "there is no input `pasd`"),
    ],
)
def test_what_cannot_be_continued_is_refused_at_its_setting(
    shapes: dict[str, tuple[int, ...]], target: Feature | None, model: dict[str, Any], key: str, says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        built(shapes, target, **model)
    (problem,) = refused.value.problems
    assert says in problem.message and problem.key == ("model", key) and problem.help


def test_without_a_series_of_its_channels_a_forecast_has_a_head() -> None:
    model = built({"past": (STEPS, 1)}).model
    assert [v.shape for v in model.weights] == [(STEPS, HORIZON * 2), (HORIZON * 2,)]


@pytest.mark.parametrize(
    ("preprocess", "normalize", "kind", "speaks"),
    [
        (["normalize"], True, None, False), ([{"clip": {"low": -9.0}}, "normalize"], True, "nlinear", False),
        ([], False, None, False), ([], True, None, True), (["normalize"], False, "nlinear", True),
        (["log"], True, None, True), (["log", "normalize"], True, None, True), ([], True, "dlinear", False),
    ],
)  # fmt: skip
def test_a_last_value_in_another_unit_is_reported(
    preprocess: list[Any], normalize: bool, kind: str | None, speaks: bool
) -> None:
    data = {
        "inputs": {"x": {"kind": "number"}, "past": {"kind": "sequence", "preprocess": preprocess}},
        "targets": {"y": {"kind": "forecast", "normalize": normalize}, "z": {"kind": "number"}},
    }
    model = {"builder": "linear", "kind": kind}
    found = from_mapping({"name": "t", "data": data, "model": model}, needs_source=False).warnings
    expected = [("units-differ", ("data", "inputs", "past", "preprocess"))] if speaks else []
    assert [(w.code, w.key) for w in found] == expected
