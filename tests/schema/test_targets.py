"""Loss, metrics and weights belong to the target; `training.loss` and `training.metrics` are short forms."""

from __future__ import annotations

from typing import Any

import pytest

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema import Config
from dlkit.schema.loader import from_mapping


def config_of(targets: dict[str, Any], training: dict[str, Any] | None = None, **data: Any) -> Config:
    inputs = data.pop("inputs", {"x": {"kind": "number"}})
    mapping = {
        "name": "a",
        "data": {"inputs": inputs, "targets": targets, **data},
        "model": {"builder": "mlp"},
        "training": training or {},
    }
    return from_mapping(mapping, needs_source=False).config


def problem_of(*args: Any, **more: Any) -> Problem:
    with pytest.raises(ConfigError) as caught:
        config_of(*args, **more)
    (problem,) = caught.value.problems
    return problem


TWO = {"y": {"kind": "category"}, "z": {"kind": "number"}}


def test_a_target_has_its_own_loss_metrics_and_weights():
    config = config_of(
        {
            "y": {"kind": "binary", "loss": "hinge", "metrics": ["auc", {"name": "precision", "thresholds": 0.3}]},
            "z": {"kind": "number", "loss": {"name": "huber", "delta": 0.5}, "loss_weight": 2},
            "c": {"kind": "category", "class_weight": {"a": 0.5, "b": 2}},
            "d": {"kind": "binary", "class_weight": "balanced"},
        },
        weights="importance",
    )
    y, z, c, d = config.data.targets.values()
    assert (y.loss.name, [m.name for m in y.metrics]) == ("hinge", ["auc", "precision"])
    assert (z.loss.arguments, z.loss_weight) == ({"delta": 0.5}, 2)
    assert (c.class_weight, d.class_weight) == ({"a": 0.5, "b": 2}, "balanced")
    assert config.data.weights == "importance"
    assert config.data.wanted().others == ("importance",)


@pytest.mark.parametrize(
    ("targets", "training", "code", "key", "said"),
    [
        (TWO, {"loss": "huber"}, "contradiction", ("training", "loss"), "write it at the target"),
        (
            {"y": {"kind": "number", "loss": "huber"}}, {"loss": "huber"},
            "contradiction", ("training", "loss"), "`data.targets.y`",
        ),
        (
            {"y": {"kind": "number", "metrics": ["r2_score"]}}, {"metrics": ["r2_score"]},
            "contradiction", ("training", "metrics"), "`data.targets.y`",
        ),
        (
            {"y": {"kind": "number", "loss": "hinge"}}, {},
            "does-not-fit", ("data", "targets", "y", "loss", "name"), "holds numbers",
        ),
        (
            {**TWO, "z": {"kind": "number", "metrics": ["auc"]}}, {},
            "does-not-fit", ("data", "targets", "z", "metrics", 0, "name"), "holds numbers",
        ),
        ({"y": {"kind": "number", "loss": "hubber"}}, {}, "unknown-choice", ("data", "targets", "y", "loss"), "huber"),
        (
            {"y": {"kind": "number", "class_weight": "balanced"}}, {},
            "unknown-key", ("data", "targets", "y", "class_weight"), "it is a setting of `binary` and `category`",
        ),
        (
            {"y": {"kind": "binary", "class_weight": {"no": -1}}}, {},
            "out-of-bounds", ("data", "targets", "y", "class_weight", "no"), "at least 0",
        ),
        (
            {"y": {"kind": "binary", "class_weight": {"no": float("nan")}}}, {},
            "out-of-bounds", ("data", "targets", "y", "class_weight", "no"), "",
        ),
        (
            {"y": {"kind": "binary", "class_weight": "balance"}}, {},
            "unknown-choice", ("data", "targets", "y", "class_weight"), "did you mean `balanced`?",
        ),
        (
            {"y": {"kind": "number", "loss_weight": 0}}, {},
            "out-of-bounds", ("data", "targets", "y", "loss_weight"), "greater than 0",
        ),
        (TWO, {"monitor": "val_accuracy"}, "unknown-metric", ("training", "monitor"), "val_y_accuracy"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_go_together_is_reported_at_its_place(targets, training, code, key, said):
    problem = problem_of(targets, training)
    assert (problem.code, problem.key) == (code, key)
    assert said in f"{problem.message} {problem.label} {problem.help}"


def test_metrics_of_training_are_those_of_the_targets_that_they_fit():
    config = config_of({"y": {"kind": "category"}, "z": {"kind": "binary"}}, {"metrics": ["accuracy"]})
    assert [m.name for t in config.data.targets.values() for m in t.metrics_of(config)] == ["accuracy", "accuracy"]


def test_columns_are_the_input_s_own_name_one_name_a_list_or_a_pattern():
    inputs = {
        "x": {"kind": "number"},
        "a": {"kind": "number", "column": "b"},
        "c": {"kind": "number", "columns": ["d", "e"]},
        "f": {"kind": "number", "columns": "sensor_*"},
    }
    mapping = {
        "name": "a",
        "data": {"inputs": inputs, "targets": {"y": {"kind": "number"}}},
        "model": {"builder": "mlp"},
    }
    data = from_mapping(mapping, needs_source=False).config.data
    assert data.wanted().inputs == ("x", "b", "d", "e", "sensor_*")
    assert data.wanted().targets == ("y",)
    assert list(data.wanted()) == ["x", "b", "d", "e", "sensor_*", "y"]


@pytest.mark.parametrize(
    ("given", "code", "key", "said"),
    [
        ({"field": "b"}, "unknown-key", "field", "did you mean `column`?"),
        ({"fields": ["b"]}, "unknown-key", "fields", "did you mean `columns`?"),
        ({"column": "b", "columns": ["c"]}, "contradiction", "columns", "keep one of them"),
        ({"column": ""}, "out-of-bounds", "column", "must not be empty"),
        ({"columns": []}, "out-of-bounds", "columns", "at least 1"),
        ({"columns": 3}, "wrong-type", "columns", "a list of texts or text"),
        ({"columns": ["b", "b"]}, "contradiction", "columns", "listed twice"),
    ],
    ids=str,
)
def test_a_wrong_column_is_reported_at_its_place(given, code, key, said):
    problem = problem_of({"y": {"kind": "number"}}, inputs={"x": {"kind": "number", **given}})
    assert problem.code == code
    assert problem.key[:4] == ("data", "inputs", "x", key)
    assert said in f"{problem.message} {problem.label} {problem.help}"
    problem = problem_of({"y": {"kind": "number", **given}})
    assert problem.key[:4] == ("data", "targets", "y", key)
