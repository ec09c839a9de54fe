"""The columns of a run's history: named apart, refused where two would be one, and which of them can be monitored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.history import figures, monitor_problems
from dlkit.schema.loader import Loaded, from_mapping, load
from dlkit.schema.training import EarlyStopping, Training

PLUGIN = """
class Plain:
    def __init__(self, name=None, axis=1):
        pass


metrics = {name: Plain for name in (
    "loss", "epoch", "learning_rate", "b_loss", "val_accuracy", "test_accuracy", "auc_curve_pr", "lengths",
)}
"""


def mapping(targets: dict[str, Any], training: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    data = {"inputs": {"x": {"kind": "number"}}, "targets": targets}
    return {"name": "a", "data": data, "model": {"builder": "mlp"}, "training": training or {}, **more}


def load_with_plugin(folder: Path, targets: dict[str, Any], training: dict[str, Any] | None = None) -> Loaded:
    (folder / "mine.py").write_text(PLUGIN)
    return from_mapping(mapping(targets, training, plugins=[str(folder / "mine.py")]), needs_source=False)


def refused(folder: Path, targets: dict[str, Any], training: dict[str, Any] | None = None) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load_with_plugin(folder, targets, training)
    (problem,) = caught.value.problems
    return problem


AUC = {"name": "auc", "curve": "PR"}


@pytest.mark.parametrize(
    ("metrics", "columns"),
    [
        (["auc", AUC], ["auc", "auc_curve_pr"]),
        (
            [{"name": "precision", "thresholds": 0.3}, {"name": "precision", "thresholds": 0.5}, "recall"],
            ["precision_thresholds_0_3", "precision_thresholds_0_5", "recall"],
        ),
        (
            [{"name": "auc", "curve": "PR", "num_thresholds": 9}, {"name": "auc", "curve": "ROC", "num_thresholds": 9}],
            ["auc_curve_pr", "auc_curve_roc"],
        ),
        ([{"name": "lengths", "axis": 1}, {"name": "lengths", "axis": -1}], ["lengths_axis_1", "lengths_axis_minus_1"]),
    ],
    ids=str,
)
def test_metrics_of_one_class_are_named_apart_by_what_differs(
    metrics: list[Any], columns: list[str], tmp_path: Path
) -> None:
    config = load_with_plugin(tmp_path, {"y": {"kind": "binary", "metrics": metrics}}).config
    assert [figure.column for figure in figures(config)] == ["loss", *columns]


def of(metrics: list[Any]) -> dict[str, Any]:
    return {"y": {"kind": "binary", "metrics": metrics}}


def second(name: str = "y", number: int = 1) -> tuple[Any, ...]:
    return ("data", "targets", name, "metrics", number)


OTHER = {"kind": "number"}


@pytest.mark.parametrize(
    ("targets", "key", "said"),
    [
        (of(["auc", "auc"]), second(), "the metric `auc` is asked for twice with the same arguments"),
        (of([AUC, "recall", {"name": "auc", "curve": "pr"}]), second(number=2), "twice with the same arguments"),
        (of(["accuracy", "loss"]), second(), "`loss`: the loss, and the metric `loss`"),
        (of(["epoch"]), second(number=0), "`epoch`: the column `epoch` of every run, and the metric `epoch`"),
        (of(["learning_rate"]), second(number=0), "the column `learning_rate` of every run"),
        (of(["val_accuracy", "accuracy"]), second(), "the metric `accuracy` in the validation"),
        (of(["accuracy", "test_accuracy"]), second(), "the metric `accuracy` in the test, and the metric"),
        (of(["auc", AUC, "auc_curve_pr"]), second(number=2), "two figures would be called `auc_curve_pr`"),
        (
            {"a": {"kind": "binary", "metrics": ["b_loss"]}, "a_b": OTHER},
            ("data", "targets", "a_b"),
            "`a_b_loss`: the metric `b_loss` of `a`, and the loss of `a_b`",
        ),
        (
            {"a": {"kind": "binary", "metrics": ["loss"]}, "b": OTHER},
            second("a", 0),
            "`a_loss`: the loss of `a`, and the metric `loss` of `a`",
        ),
        (
            {"a": OTHER, "val": OTHER},
            ("data", "targets", "val"),
            "`val_loss`: the loss in the validation, and the loss",
        ),
        (
            {"test": OTHER, "a": OTHER},
            ("data", "targets", "test"),
            "`test_loss`: the loss in the test, and the loss of",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_two_figures_of_one_name_are_refused_where_the_second_is_asked_for(
    targets: dict[str, Any], key: tuple[Any, ...], said: str, tmp_path: Path
) -> None:
    problem = refused(tmp_path, targets)
    assert (problem.code, problem.key) == ("contradiction", key)
    assert said in problem.message
    assert problem.help


def test_metrics_of_all_targets_are_reported_once(tmp_path: Path) -> None:
    problem = refused(tmp_path, {"a": {"kind": "binary"}, "b": {"kind": "binary"}}, {"metrics": ["auc", "auc"]})
    assert (problem.code, problem.key) == ("contradiction", ("training", "metrics", 1))


def test_the_place_in_the_file_is_that_of_the_second_metric(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "name: a\n"
        "data: {inputs: {x: {kind: number}}, targets: {y: {kind: binary}}}\n"
        "model: {builder: mlp}\n"
        "training:\n  metrics:\n    - auc\n    - recall\n    - auc\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(file, needs_source=False)
    (problem,) = caught.value.problems
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == (8, 7)


@pytest.mark.parametrize(
    ("training", "validation", "code", "key", "said"),
    [
        ({"monitor": "val_acuracy"}, True, "unknown-metric", "monitor", "did you mean `val_accuracy`?"),
        ({"monitor": "val_acuracy"}, False, "unknown-metric", "monitor", "it has loss, accuracy"),
        ({"monitor": "val_accuracy"}, False, "contradiction", "monitor", "there is no validation split"),
        ({"monitor": "learning_rate"}, True, "unknown-metric", "monitor", "does not say how good an epoch is"),
        ({"monitor": "epoch"}, True, "unknown-metric", "monitor", "does not say how good an epoch is"),
        ({"monitor": "val_learning_rate"}, True, "unknown-metric", "monitor", "it has loss, val_loss"),
        ({"early_stopping": EarlyStopping()}, False, "contradiction", "early_stopping", "`training.monitor: loss`"),
    ],
    ids=str,
)
def test_what_cannot_be_monitored_is_refused(
    training: dict[str, Any], validation: bool, code: str, key: str, said: str
) -> None:
    (problem,) = monitor_problems(Training(**training), ["loss", "accuracy"], validation=validation)
    assert (problem.code, problem.key) == (code, ("training", key))
    assert said in f"{problem.message} {problem.label} {problem.help}"


@pytest.mark.parametrize("training", [{}, {"monitor": "accuracy", "early_stopping": EarlyStopping()}], ids=str)
def test_what_can_be_monitored_is_not(training: dict[str, Any]) -> None:
    assert not list(monitor_problems(Training(**training), ["loss", "accuracy"], validation=False))
