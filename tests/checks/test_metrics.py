"""A metric that gives no number is refused with its place before training, by `check` and by `train` alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.checks.examine import examine
from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.loader import Loaded, from_mapping
from dlkit.schema.target import TARGETS
from tests.conformance.test_targets import ARGUMENTS

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(40, 3)).astype("float32")
SCORE = X.sum(axis=1)
LABELS = {
    "binary": (SCORE > 0).astype("int32"),
    "category": np.digitize(SCORE, [-1, 1]),
    "number": SCORE,
    "numbers": X[:, :2] * 3,
    "multi_label": (X > 0).astype("int64"),
    "forecast": np.stack([SCORE, SCORE * 2, SCORE + 1], axis=1)[..., np.newaxis],
}
PLUGIN = """
import keras


class Raises(keras.metrics.Metric):
    def update_state(self, labels, results, sample_weight=None):
        raise RuntimeError("it was never finished")

    def result(self):
        return 0.0


class Unweighted(keras.metrics.Metric):
    def update_state(self, labels, results):
        pass

    def result(self):
        return 0.0


class NoGraph(keras.metrics.Metric):
    def update_state(self, labels, results, sample_weight=None):
        self.value = float(results[0, 0])

    def result(self):
        return 0.0


class Vector(keras.metrics.MeanAbsoluteError):
    def result(self):
        return keras.ops.stack([super().result()] * 3)


class Several(keras.metrics.MeanAbsoluteError):
    def result(self):
        return {"one": super().result(), "two": 0.0}


class Words(keras.metrics.MeanAbsoluteError):
    def result(self):
        return "good"


metrics = {
    "raises": Raises, "unweighted": Unweighted, "no_graph": NoGraph, "vector": Vector, "several": Several,
    "words": Words,
}
"""


def loaded(kind: str, metrics: list[Any], folder: Path, **more: Any) -> Loaded:
    (folder / "mine.py").write_text(PLUGIN)
    target = {"kind": kind.removesuffix("s") if kind == "numbers" else kind, "metrics": metrics}
    return from_mapping(
        {
            "name": "a",
            "plugins": [str(folder / "mine.py")],
            "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target}, "batch_size": 8, **more},
            "model": {"builder": "mlp", "dense": [4]},
            "training": {"epochs": 1},
            "runtime": {"compile": "graph"},
        },
        needs_source=False,
    )


def problem_of(call: Callable[[], Any]) -> Problem:
    with pytest.raises(ConfigError) as refused:
        call()
    (problem,) = [p for p in refused.value.problems if p.severity == "error"]
    return problem


FAULTY = [
    ("binary", {"name": "precision", "thresholds": [0.5, 0.6]}, "an array of the shape [2]"),
    ("multi_label", {"name": "f1_score", "average": None}, "an array of the shape [3]"),
    ("number", "raises", "RuntimeError: it was never finished"),
    ("category", "unweighted", "TypeError"),
    ("numbers", "no_graph", "cannot be computed"),
    ("number", "several", "several figures"),
    ("number", "words", "ValueError"),
]
# Further ways to arrays.
ARRAYS = [
    ("binary", {"name": "f1_score", "average": None}, "an array of the shape [1]"),
    ("number", {"name": "r2_score", "class_aggregation": None}, "an array of the shape [1]"),
    ("numbers", {"name": "r2_score", "class_aggregation": None}, "an array of the shape [2]"),
    ("number", "vector", "an array of the shape [3]"),
]


@pytest.mark.parametrize(
    ("kind", "metric", "said"),
    FAULTY + [pytest.param(*case, marks=pytest.mark.slow) for case in ARRAYS],
    ids=lambda value: str(value)[:40],
)
def test_it_is_refused_by_check_and_before_training(kind: str, metric: Any, said: str, tmp_path: Path) -> None:
    part = (X, LABELS[kind])
    data = {"train": part, "validation": part, "test": part}
    config = loaded(kind, ["mean_absolute_error" if kind.startswith("number") else "accuracy", metric], tmp_path)
    by_check = problem_of(lambda: examine(config, data=data))
    runs = tmp_path / "runs"
    by_train = problem_of(lambda: dlkit.train(config.resolved(), data=data, runs_folder=runs, verbose=False))
    for problem in (by_check, by_train):
        assert (problem.code, problem.key) == ("unusable-metric", ("data", "targets", "y", "metrics", 1))
        assert said in problem.message
        assert "of `y`" in problem.message
        assert problem.location is not None
        assert problem.help
    assert not runs.exists(), "there is no run"


def test_it_is_refused_without_data_and_for_a_stream(tmp_path: Path) -> None:
    config = loaded("binary", [{"name": "recall", "thresholds": [0.1, 0.9]}], tmp_path)
    stated = config.config.data.inputs["x"].model_copy(update={"shape": [3]})
    data = config.config.data.model_copy(update={"inputs": {"x": stated}})
    without = Loaded(config.config.model_copy(update={"data": data}), None, config.root, plugins=config.plugins)
    assert problem_of(lambda: examine(without, use_data=False)).code == "unusable-metric"
    stream = tf.data.Dataset.from_tensor_slices((X, LABELS["binary"]))
    assert problem_of(lambda: dlkit.train(config.resolved(), data=stream, verbose=False)).code == "unusable-metric"


@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation", "cosine_similarity"])
def test_what_compares_the_numbers_of_an_example_needs_several(name: str, tmp_path: Path) -> None:
    single, several = {"train": (X, LABELS["number"])}, {"train": (X, LABELS["numbers"])}
    problem = problem_of(lambda: examine(loaded("number", [name], tmp_path), data=single))
    assert (problem.code, problem.key) == ("does-not-fit", ("data", "targets", "y", "metrics", 0))
    assert "`y` is a single number" in problem.message
    assert "`r2_score`" in problem.help
    examine(loaded("numbers", [name], tmp_path), data=several)


def test_a_loss_that_compares_the_numbers_of_an_example_needs_several(tmp_path: Path) -> None:
    config = loaded("number", ["r2_score"], tmp_path).resolved()
    config["data"]["targets"]["y"]["loss"] = "cosine_similarity"
    data = {"train": (X, LABELS["number"])}
    problem = problem_of(lambda: examine(from_mapping(config, needs_source=False), data=data))
    assert (problem.code, problem.key) == ("does-not-fit", ("data", "targets", "y", "loss"))
    assert "`mean_squared_error`" in problem.help
    examine(from_mapping(config, needs_source=False), data={"train": (X, LABELS["numbers"])})


def test_metrics_of_several_targets_name_theirs(tmp_path: Path) -> None:
    config = loaded("number", ["mean_absolute_error"], tmp_path).resolved()
    config["data"]["targets"]["z"] = {"kind": "binary"}
    config["data"]["targets"]["y"]["metrics"] = None
    config["data"]["targets"]["z"]["metrics"] = ["accuracy", {"name": "recall", "thresholds": [0.1, 0.9]}]
    part = (X, {"y": LABELS["number"], "z": LABELS["binary"]})
    problem = problem_of(lambda: examine(from_mapping(config, needs_source=False), data={"train": part}))
    assert problem.key == ("data", "targets", "z", "metrics", 1)
    assert "`recall` of `z`" in problem.message


@pytest.mark.parametrize("kind", TARGETS.names())
@pytest.mark.parametrize("weighted", [pytest.param(False, marks=pytest.mark.slow), True])
def test_every_metric_that_fits_passes(kind: str, weighted: bool, tmp_path: Path) -> None:
    metrics = [{"name": name, **ARGUMENTS.get(name, {})} for name in sorted(TARGETS[kind].metrics_that_fit)]
    config = loaded(kind, metrics, tmp_path, weights="w" if weighted else None)
    labels = LABELS["numbers" if kind == "number" else kind]
    part = ({"x": X}, {"y": labels, "w": np.linspace(0, 2, len(X))} if weighted else labels)
    examine(config, data={"train": part, "validation": part, "test": part})
