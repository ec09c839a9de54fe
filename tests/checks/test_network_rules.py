"""Rules on networks that train badly without an error: each speaks where it must, and is silent beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import pytest

from dlkit import speed
from dlkit.checks import duration
from dlkit.checks.context import CheckContext, make_context
from dlkit.checks.rules import RULES
from dlkit.config.problems import ConfigError
from dlkit.training.prepare import prepare
from tests.training.helpers import images
from tests.training.helpers import load as loaded

NUMBER, BINARY, CATEGORY = {"kind": "number"}, {"kind": "binary"}, {"kind": "category", "classes": 10}


def case(
    model: dict[str, Any], target: dict[str, Any] = CATEGORY, *, batch: int = 20, more: dict[str, Any] | None = None,
    rows: int = 40,
) -> CheckContext:  # fmt: skip
    """A configuration on small images, with its first batch and a step."""
    config = {
        "name": "t",
        "data": {
            "inputs": {"image": {"kind": "image", "preprocess": ["rescale"]}}, "targets": {"y": target},
            "batch_size": batch,
        },
        "model": model, "training": {"epochs": 1, **(more or {})},
    }  # fmt: skip
    return _case(json.dumps(config), rows)


@cache
def _case(config: str, rows: int) -> CheckContext:
    mapping = json.loads(config)
    x, y = images(rows)
    kind = mapping["data"]["targets"]["y"]["kind"]
    labels = {"category": y, "binary": y % 2, "number": y.astype("float32")}[kind]
    ready = prepare(loaded(mapping), {"train": (x, labels)})
    return make_context(ready.config, ready.built, ready.known_splits)


def stack(*layers: Any) -> dict[str, Any]:
    return {"builder": "sequential", "layers": ["flatten", *layers]}


def cnn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"builder": "cnn", "blocks": [{"filters": 2, "padding": "same", **block} for block in blocks]}


def mlp(depth: int = 2, **settings: Any) -> dict[str, Any]:
    return {"builder": "mlp", "dense": [8] * depth, **settings}


SIGMOID = {"dense": {"units": 8, "activation": "sigmoid"}}
RELU = {"dense": {"units": 8, "activation": "relu"}}
# Code; what is right; what is wrong; settings of both.
PAIRS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("outputs-twice", stack({"dense": {"units": 11, "activation": "softmax"}}),
     stack(RELU, {"dense": {"units": 10, "activation": "softmax"}}), {}),
    ("outputs-twice", stack(RELU), stack({"dense": {"units": 1, "activation": "relu"}}, {"dropout": 0.1}),
     {"target": NUMBER}),
    ("outputs-twice", stack({"dense": {"units": 1}}), stack({"dense": 1}, {"activation": "sigmoid"}),
     {"target": BINARY}),
    ("equal-units", stack(RELU), stack({"dense": {"units": 8, "kernel_initializer": "ones"}}), {}),
    ("dead-units", stack(RELU), stack({"dense": {"units": 8, "activation": "relu", "bias_initializer": {
        "class_name": "Constant", "config": {"value": -100.0}}}}), {}),
    ("saturated-units", stack({"dense": {"units": 8, "activation": "tanh"}}),
     stack({"dense": {"units": 8, "activation": "tanh", "kernel_initializer": {
         "class_name": "RandomNormal", "config": {"stddev": 50.0}}}}), {}),
    ("vanishing-stack", stack(*[SIGMOID] * 3, RELU), stack(*[SIGMOID] * 4), {}),
    ("vanishing-stack", stack(*[SIGMOID] * 3, "batch_normalization", SIGMOID),
     stack(*[SIGMOID] * 3, {"dense": 8}, {"activation": "sigmoid"}), {}),
    ("vanishing-stack", stack({"reshape": [98, 8]}, {"simple_rnn": 2}),
     stack({"reshape": [112, 7]}, {"simple_rnn": 2}), {}),
    ("vanishing-stack", stack({"reshape": [112, 7]}, {"gru": 2}),
     stack({"reshape": [112, 7]}, {"simple_rnn": 2}), {}),
    ("initializer-does-not-fit", mlp(activation="selu", kernel_initializer="lecun_normal"), mlp(activation="selu"), {}),
    ("initializer-does-not-fit", mlp(activation="tanh"), mlp(activation="tanh", kernel_initializer="he_normal"), {}),
    ("initializer-does-not-fit", mlp(activation="relu", kernel_initializer="he_uniform"),
     stack({"dense": {"units": 8, "kernel_initializer": "he_normal"}}, {"activation": "sigmoid"}, RELU), {}),
    ("initializer-does-not-fit", mlp(10), mlp(16), {}),
    ("initializer-does-not-fit", mlp(16, kernel_initializer="he_normal"), mlp(16), {}),
    ("initializer-does-not-fit", mlp(16, normalization="layer"), mlp(16), {}),
    ("initializer-does-not-fit", mlp(16, residual=True), mlp(16), {}),
    ("single-pixel", cnn({"pool_size": 14}, {}), cnn({"pool_size": 28}, {}), {}),
    ("single-pixel", cnn({"pool_size": 28}, {"kernel_size": 1}), cnn({"strides": 28}, {}), {}),
    ("heavy-dropout", stack(RELU, {"dropout": 0.5}), stack(RELU, {"dropout": 0.6}), {}),
    ("many-parameters", stack(RELU), stack({"dense": 64}), {"rows": 20}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "right", "wrong", "settings"), PAIRS, ids=lambda x: x if isinstance(x, str) else "")
def test_a_rule_speaks_of_what_is_wrong_and_not_of_what_is_right(
    code: str, right: dict[str, Any], wrong: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert list(RULES[code](case(right, **settings))) == []
    (problem,) = RULES[code](case(wrong, **settings))
    assert problem.code == code and problem.help
    assert problem.key[0] == "model"
    assert problem.severity == ("error" if code in ("outputs-twice", "equal-units") else "warning")


class Gone(keras.layers.Layer):  # type: ignore[misc]
    """Leaves no row of its input."""

    def call(self, x: Any) -> Any:
        return x[:, :0]


def test_a_layer_that_leaves_nothing_is_an_error() -> None:
    known = case(stack(RELU))
    x = keras.Input((28, 28, 1))
    y = keras.layers.Flatten()(Gone(name="gone")(x))
    network = keras.Model(x, keras.layers.Dense(10)(y))
    (problem,) = RULES["empty-output"](replace(known, built=replace(known.built, network=network)))
    assert "`gone` gives 0 x 28 x 1" in problem.message and problem.severity == "error"
    assert list(RULES["empty-output"](known)) == []


NORM = {"builder": "mlp", "dense": [8], "normalization": "batch"}


@pytest.mark.parametrize(
    ("model", "batch", "speaks"),
    [(NORM, 4, True), (NORM, 8, False), ({"builder": "mlp", "dense": [8]}, 4, False),
     # Every position of a feature map is counted.
     (cnn({"batch_normalization": True}), 4, False)],
)  # fmt: skip
def test_batch_normalisation_over_a_handful_of_values(model: dict[str, Any], batch: int, speaks: bool) -> None:
    found = list(RULES["rough-normalization"](case(model, batch=batch)))
    assert bool(found) is speaks
    assert all(problem.key == ("data", "batch_size") for problem in found)


@pytest.mark.parametrize(
    ("optimizer", "speaks"),
    [
        ({"name": "adam", "learning_rate": 10.0}, True), ({"name": "adam", "learning_rate": 1e-9}, True),
        ({"name": "adam", "learning_rate": 0.03}, False), ({"name": "sgd", "learning_rate": 5.0}, False),
        ({"name": "sgd", "learning_rate": 500.0}, True), ({"name": "lion", "learning_rate": 0.05}, True),
    ],
)  # fmt: skip
def test_learning_rates_that_nobody_uses(optimizer: dict[str, Any], speaks: bool) -> None:
    found = list(RULES["unusual-learning-rate"](case(stack(RELU), more={"optimizer": optimizer})))
    assert bool(found) is speaks
    assert all(problem.key == ("training", "optimizer", "learning_rate") for problem in found)


def test_days_of_training_are_reported_and_a_step_is_timed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    long = case(stack(RELU), more={"epochs": 1000})
    assert list(RULES["long-training"](long)) == []
    # A machine of one multiply-add in a second.
    monkeypatch.setattr(speed, "_rate", lambda: 1.0)
    monkeypatch.setattr(speed, "SLOWEST", 1.0)
    assert list(RULES["long-training"](long)) == []  # the step that is timed is as quick as ever
    monkeypatch.setattr(duration, "measured", lambda case: 2 * 24 * 3600.0)
    (problem,) = RULES["long-training"](long)
    assert problem.message == "1000 epochs take about 48 hours on this processor"
    assert problem.key == ("training", "epochs")
    (without,) = RULES["long-training"](replace(long, trial=None))
    assert "hours" in without.message
    assert list(RULES["long-training"](case(stack(RELU), more={"epochs": 1000, "max_time": "1h"}))) == []


def test_the_processor_is_not_measured_where_no_processor_would_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_rate", lambda: pytest.fail("it was measured"))
    assert list(RULES["long-training"](case(stack(RELU), more={"epochs": 1000}))) == []


def test_all_steps_take_as_many_times_as_long_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([10.0, 12.0])
    monkeypatch.setattr(duration.time, "perf_counter", lambda: next(moments))
    assert duration.measured(case(stack(RELU), more={"epochs": 3})) == 2.0 * 3 * 2


def test_what_is_an_error_stops_training_before_it_begins(tmp_path: Path) -> None:
    import dlkit

    x, y = images(40)
    config = {
        "name": "t", "model": stack(RELU, {"dense": {"units": 10, "activation": "softmax"}}),
        "data": {"inputs": {"image": {"kind": "image"}}, "targets": {"y": CATEGORY}}, "training": {"epochs": 1},
    }  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        dlkit.train(config, data={"train": (x, y)}, runs_folder=tmp_path)
    errors = [problem for problem in refused.value.problems if problem.severity == "error"]
    assert [problem.code for problem in errors] == ["outputs-twice"]
    assert not list(tmp_path.glob("t/*/checkpoints/*"))
