"""Every rule has a case in which it fires, and is silent on a healthy one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlkit.checks import memory, model
from dlkit.checks.context import Batch, CheckContext, attempt, make_context
from dlkit.checks.examine import examine
from dlkit.checks.rules import RULES
from dlkit.config.problems import ConfigError, Problem
from dlkit.models.build import BuiltModel
from tests.training.helpers import CNN, DATA, MLP, images, load, settings

DEEP_CNN = {"builder": "cnn", "blocks": [{"filters": 2, "pool_size": 4, "batch_normalization": True}]}


def found(config: dict[str, Any], data: Any = DATA) -> dict[str, Problem]:
    """What the rules find, by code."""
    try:
        problems = examine(load(config), data=data).problems
    except ConfigError as error:
        problems = error.problems
    return {problem.code: problem for problem in problems}


@cache
def healthy() -> CheckContext:
    """A configuration that no rule has anything to say about."""
    return examine(load(settings(MLP)), data=DATA).case


@pytest.mark.parametrize("architecture", [MLP, CNN, {"builder": "rnn", "units": [4]}], ids=lambda a: a["builder"])
def test_every_rule_is_silent_on_a_healthy_configuration(architecture: dict[str, Any]) -> None:
    assert found(settings(architecture)) == {}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_that_is_left_out_on_purpose_is_not_missed(split: str) -> None:
    splits = {"train": "train", "validation": "validation", "test": "test", split: "off"}
    assert found(settings(MLP, data={"splits": splits})) == {}


def test_a_regression_is_healthy_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype(np.float32)
    part = (x, x.sum(axis=1))
    config = settings({"builder": "mlp", "dense": [4]})
    config["data"] |= {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "number"}}}
    assert found(config, {"train": part, "validation": part, "test": part}) == {}


def sorted_labels() -> dict[str, Any]:
    x, y = images(100)
    return DATA | {"train": (x, np.zeros_like(y))}


def one_class_left_out() -> dict[str, Any]:
    x, y = images(100)
    return DATA | {"train": (x[y != 3], y[y != 3])}


def same_image() -> dict[str, Any]:
    x, y = images(100)
    return DATA | {"train": (np.repeat(x[:1], 100, axis=0), y)}


@dataclass
class Planted:
    """A configuration with one fault."""

    code: str
    key: tuple[str, ...]
    config: Callable[[], dict[str, Any]]
    data: Callable[[], dict[str, Any]] = lambda: DATA


PLANTED = [
    Planted(
        "no-validation", ("data", "splits"), lambda: settings(MLP), lambda: {k: DATA[k] for k in ("train", "test")}
    ),
    Planted(
        "no-test", ("data", "splits"), lambda: settings(MLP), lambda: {k: DATA[k] for k in ("train", "validation")}
    ),
    Planted("batch-larger-than-split", ("data", "batch_size"), lambda: settings(MLP, data={"batch_size": 113})),
    Planted("single-example-batch", ("data", "batch_size"), lambda: settings(DEEP_CNN, data={"batch_size": 111})),
    Planted("single-example-batch", ("data", "batch_size"), lambda: settings(DEEP_CNN, data={"batch_size": 1})),
    Planted("input-scale", ("data", "inputs", "image", "preprocess"), lambda: settings(MLP, image={"preprocess": []})),
    Planted("constant-input", ("data", "inputs", "image"), lambda: settings(MLP), same_image),
    Planted("constant-target", ("data", "targets", "label"), lambda: settings(MLP), sorted_labels),
    Planted("class-without-examples", ("data", "targets", "label"), lambda: settings(MLP), one_class_left_out),
    Planted(
        "first-loss",
        ("data", "inputs"),
        lambda: settings({"builder": "mlp", "dense": [64]}, image={"preprocess": [{"rescale": {"scale": 10.0}}]}),
    ),
]


def test_equal_examples_and_similar_images_in_two_splits() -> None:
    config, data = settings(MLP), parts_in_two_splits()
    problems = found(config, data)
    assert problems["example-in-two-splits"].message.endswith("the first is test[4], the same as train[7]")
    assert problems["similar-images-in-two-splits"].message.endswith("the first is test[5], like train[8]")


def parts_in_two_splits() -> dict[str, Any]:
    train, test = (np.random.default_rng(n).integers(0, 200, (60, 8, 8, 3)) for n in range(2))
    test[4:6] = train[7:9]
    x, other = (images.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8) for images in (train, test))
    other[5] += 2
    return {"train": (x, np.arange(60) % 10), "test": (other, np.arange(60) % 10)}


def test_a_column_that_gives_the_answer_and_splits_that_differ() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 2)).astype(np.float32), rng.integers(0, 2, 300)
    x[:, 0] += 20 * y
    other = x + np.array([0, 9], np.float32)
    config = settings({"builder": "mlp", "dense": [4]})
    config["data"] |= {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "binary"}}}
    problems = found(config, {"train": (x, y), "test": (other, y)})
    assert "`x[0]` alone" in problems["column-gives-answer"].message
    assert "`x[1]` alone" in problems["splits-differ"].message


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: p.code)
def test_a_planted_fault_is_found(planted: Planted) -> None:
    problems = found(planted.config(), planted.data())
    assert planted.code in problems
    assert problems[planted.code].key == planted.key
    assert problems[planted.code].severity == "warning"


def with_network(case: CheckContext, network: keras.Model, batch: Batch | None = None) -> CheckContext:
    """The case with another network, tried on its batch."""
    built = replace(case.built, network=network)
    batch = batch or case.batches["train"]
    return replace(case, built=built, batches={"train": batch}, trial=attempt(built, batch))


def fires(code: str, case: CheckContext) -> list[Problem]:
    problems = list(RULES[code](case))
    assert all(problem.code == code for problem in problems)
    return problems


def network(
    case: CheckContext, *layers: keras.layers.Layer, units: int = 10, activation: str | None = None
) -> keras.Model:
    """Layers, then a dense head, on the input of the case's network."""
    x = inputs = keras.Input(case.built.network.input.shape[1:])
    for layer in [keras.layers.Flatten(), *layers, keras.layers.Dense(units, activation=activation)]:
        x = layer(x)
    return keras.Model(inputs, x)


def test_a_network_with_nothing_to_train() -> None:
    case = healthy()
    frozen = network(case)
    frozen.trainable = False
    broken = replace(case, built=replace(case.built, network=frozen))
    assert fires("nothing-to-train", broken)
    assert not fires("nothing-to-train", case)


def test_a_metric_that_gives_an_array() -> None:
    config = settings(MLP)
    config["data"]["targets"]["label"] = {"kind": "binary", "metrics": [{"name": "recall", "thresholds": [0.1, 0.9]}]}
    x, y = images(100)
    problem = found(config, {"train": (x, y % 2)})["unusable-metric"]
    assert (problem.key, problem.severity) == (("data", "targets", "label", "metrics", 0), "error")


def test_a_head_of_the_wrong_width() -> None:
    case = healthy()
    broken = replace(case, built=replace(case.built, network=network(case, units=7)))
    (problem,) = fires("output-width", broken)
    assert "7 outputs" in problem.message
    assert "10 classes" in problem.message
    assert not fires("output-width", case)


def test_a_model_larger_than_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    case = healthy()
    assert not fires("large-model", case)
    monkeypatch.setattr(model, "available_memory", lambda: memory.estimate(case).total)
    assert fires("large-model", case)


@pytest.mark.parametrize(("activation", "wrong"), [("softmax", True), (None, False), ("relu", False)])
def test_probabilities_under_a_loss_on_logits(activation: str | None, wrong: bool) -> None:
    case = healthy()
    assert bool(fires("probabilities-for-logits", with_network(case, network(case, activation=activation)))) is wrong


def test_a_sigmoid_under_a_loss_on_logits() -> None:
    x, y = images(100)
    config = settings(MLP)
    config["data"]["targets"] = {"label": {"kind": "binary"}}
    data = {name: (x, (y > 4).astype(np.int32)) for name in ("train", "validation", "test")}
    case = examine(load(config), data=data).case
    assert not fires("probabilities-for-logits", case)
    assert fires("probabilities-for-logits", with_network(case, network(case, units=1, activation="sigmoid")))
    by_chance = network(case, units=1)
    kernel, bias = by_chance.get_weights()
    by_chance.set_weights([kernel / 1000, bias + 0.5])
    assert not fires("probabilities-for-logits", with_network(case, by_chance))


class Unused(keras.layers.Layer):
    """Has a weight that its output does not depend on."""

    def build(self, shape: Any) -> None:
        self.add_weight(shape=(3,), name="unused")

    def call(self, x: Any) -> Any:
        return x


def test_a_weight_that_the_loss_does_not_depend_on() -> None:
    case = healthy()
    (problem,) = fires("disconnected-weights", with_network(case, network(case, Unused())))
    assert "unused" in problem.message
    assert not fires("disconnected-weights", case)


class Root(keras.layers.Layer):
    """A square root at 0: the value is finite, its gradient is not."""

    def call(self, x: Any) -> Any:
        return keras.ops.sqrt(keras.ops.relu(x - 1e9))


def test_a_gradient_that_is_not_finite() -> None:
    case = healthy()
    broken = with_network(case, network(case, keras.layers.Dense(4), Root()))
    assert not fires("loss-not-finite", broken)
    assert fires("gradient-not-finite", broken)
    assert not fires("gradient-not-finite", case)


def test_inputs_and_losses_that_are_not_finite() -> None:
    case = healthy()
    batch = case.batches["train"]
    holed = replace(batch, prepared={"image": np.where(batch.prepared["image"] > 0.5, np.nan, batch.prepared["image"])})
    broken = with_network(case, case.built.network, holed)
    assert fires("input-not-finite", broken)
    assert fires("loss-not-finite", broken)
    assert not fires("input-scale", broken)
    assert not fires("input-not-finite", case)
    assert not fires("loss-not-finite", case)


def test_a_trial_changes_no_weight() -> None:
    case = examine(load(settings(DEEP_CNN)), data=DATA).case
    built: BuiltModel = case.built
    before = [w.copy() for w in built.network.get_weights()]
    attempt(built, case.batches["train"])
    assert all((a == b).all() for a, b in zip(before, built.network.get_weights(), strict=True))


def test_every_rule_is_tested_in_this_folder() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert all(f'"{code}"' in text for code in RULES)


def test_without_data_only_the_model_is_judged() -> None:
    case = make_context(load(settings(MLP)).config, healthy().built, None)
    assert [problem for rule in RULES.values() for problem in rule(case)] == []
