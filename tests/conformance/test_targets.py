"""What holds for every kind of target: its figures are those of Keras and scikit-learn, its words are plain JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import dlkit
from dlkit.data.contract import Batch
from dlkit.data.load import load_splits
from dlkit.evaluation.evaluate import evaluate
from dlkit.models.losses import Choice
from dlkit.schema.history import metric_columns
from dlkit.schema.keras_objects import Metric
from dlkit.schema.loader import from_mapping
from dlkit.schema.target import TARGETS
from dlkit.schema.training import Training
from tests.conformance.figures import AGAIN, ARGUMENTS, EXPECTED
from tests.quick import ALONE

RANDOM = np.random.default_rng(5)
# The test split has more examples than a batch of evaluation. Training has whole batches alone, so that each program
# is traced once.
PARTS = {"train": slice(0, 128), "test": slice(160, 1248)}
SIZE, TESTED = 1248, 1088
X = RANDOM.normal(size=(SIZE, 4)).astype("float32")
SCORE = X @ np.array([2.0, -1.0, 0.5, 0.0]) + RANDOM.normal(size=SIZE)
# Labels of each kind, as a source may have them. A kind without an entry fails `test_every_kind_has_labels_here`.
LABELS: dict[str, np.ndarray] = {
    "category": np.array(["low", "middle", "high"])[np.digitize(SCORE, [-1, 1])],
    "binary": np.where(SCORE > 0, "yes", "no"),
    # The mean of the third is 4,000 times its deviation.
    "number": np.stack([90 + 10 * SCORE, 20 + 3 * X[:, 1], 1e5 + 10 * SCORE], axis=1).astype("float32"),
    "multi_label": np.stack([SCORE > 0, X[:, 1] > 0.3, X[:, 2] < -0.5], axis=1).astype("int64"),
    # Three steps of two channels.
    "forecast": np.stack(
        [np.stack([90 + 10 * SCORE + 5 * step, 2000 + X[:, step]], axis=1) for step in range(3)], axis=1
    ).astype("float32"),
}
SETTINGS: dict[str, dict[str, Any]] = {}
# Enough for an R2 that is not far below 0, where float32 would be coarse.
LEARNS = {"name": "sgd", "learning_rate": 0.1}


def mase(labels: np.ndarray, results: np.ndarray) -> float:
    """The mean over channels of the error in units of the difference between a step and the next in training."""
    train = LABELS["forecast"][PARTS["train"]].astype(np.float64)
    errors = np.abs(labels - results.reshape(labels.shape)).mean(axis=(0, 1))
    return float((errors / np.abs(np.diff(train, axis=1)).mean(axis=(0, 1))).mean())


EXPECTED["forecast", "mase"] = mase
# Metrics that count examples: two copies of each are twice as many.
COUNTS = {"true_positives", "true_negatives", "false_positives", "false_negatives"}


def metrics_of(kind: str) -> list[dict[str, Any]]:
    """Every metric that fits a kind."""
    names = sorted(TARGETS[kind].metrics_that_fit)
    return [{"name": name, **ARGUMENTS.get(name, {})} for name in names] + AGAIN.get(kind, [])


def columns_of(kind: str) -> list[str]:
    """The figures of a run of a kind that is asked for every metric that fits it."""
    return [*metric_columns([Metric(**m) for m in metrics_of(kind)]), *TARGETS[kind].own_figures]


def test_every_kind_has_labels_here() -> None:
    assert set(LABELS) == set(TARGETS.names())


def config(kind: str, metrics: list[Any] | None = None, loss: str | None = None, **more: Any) -> dict[str, Any]:
    """A perceptron that predicts a target of this kind."""
    target = {"kind": kind, **SETTINGS.get(kind, {}), **more}
    if metrics is not None:
        target["metrics"] = metrics
    if loss is not None:
        target["loss"] = loss
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target}, "batch_size": 32}
    return {
        "name": kind, "data": data, "model": {"builder": "mlp", "dense": [8]},
        "training": {"epochs": 2, "optimizer": LEARNS, **ALONE},
        "runtime": {"compile": "graph"},
    }  # fmt: skip


def pairs(kind: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The examples, split."""
    return {split: (X[part], LABELS[kind][part]) for split, part in PARTS.items()}


@pytest.fixture(scope="module", params=TARGETS.names())
def trained(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dlkit.Run]:
    """A run of each kind with every metric that fits it."""
    kind = request.param
    settings = config(kind, metrics_of(kind))
    return kind, dlkit.train(settings, data=pairs(kind), runs_folder=tmp_path_factory.mktemp(kind), verbose=False)


@pytest.mark.parametrize("kind", TARGETS.names())
def test_every_kind_sums_up_its_labels_and_adds_one_to_a_picture(kind: str) -> None:
    loaded = from_mapping(config(kind), needs_source=False)
    splits = load_splits(loaded.config.data, given=pairs(kind))
    bound = splits.spec.targets["y"]
    labels = splits.train.arrays.targets["y"]  # type: ignore[union-attr]
    summary = dict(bound.settings.summary(labels, bound))
    assert summary and json.dumps(summary, allow_nan=False)
    assert bound.settings.in_words(labels[0], bound)
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([0, 1, np.nan], [1.0, 2.0, np.nan])
    bound.settings.draw(axes, labels[0], bound)
    assert axes.get_title() or len(axes.lines) > 1
    figure.savefig(io.BytesIO())


def by_plain_keras(run: dlkit.Run, kind: str) -> dict[str, float]:
    """What a user of `model.keras` gets, who has nothing but Keras."""
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        labels = kept["y_label"]
    plain = keras.saving.load_model(run.folder / "model.keras")
    plain.run_eagerly = True  # a graph of so many metrics takes longer to make
    # Where a metric is of one-hot labels, all are.
    y = np.eye(3, dtype="float32")[labels] if kind == "category" else labels.reshape(len(labels), -1)
    found: dict[str, float] = plain.evaluate(X[PARTS["test"]], y, batch_size=len(y), verbose=0, return_dict=True)
    return found


def same(figures: dict[str, float], **tolerance: float) -> dict[str, Any]:
    return {name: pytest.approx(value, **{"rel": 1e-6, "abs": 1e-6, **tolerance}) for name, value in figures.items()}


def test_every_metric_is_that_of_evaluate_of_plain_keras_and_of_scikit_learn(trained: tuple[str, dlkit.Run]) -> None:
    kind, run = trained
    figures = run.test
    again = run.evaluate()
    assert list(again) == list(figures) == ["loss", *columns_of(kind)]
    assert again == same(figures)
    keras_alone = by_plain_keras(run, kind)
    # Keras alone takes the loss of numbers in their own unit, and loses the digits of an R2 far from 0.
    apart = {"loss", "r2_score"} if kind in ("number", "forecast") else set()
    # It has no metric for the figures that a kind has of its own.
    assert set(keras_alone) == set(figures) - set(TARGETS[kind].own_figures)
    apart |= set(TARGETS[kind].own_figures)
    assert {n: v for n, v in keras_alone.items() if n not in apart} == same(
        {n: v for n, v in figures.items() if n not in apart}
    )
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        labels, results = kept["y_label"], kept["y_result"].astype(np.float64)
    y = labels if labels.ndim > 1 else labels.reshape(-1)
    expected = {name: float(of(y, results)) for (of_kind, name), of in EXPECTED.items() if of_kind == kind}
    assert set(expected) <= set(figures), "each of scikit-learn's figures is one of the run's"
    assert {name: figures[name] for name in expected} == same(expected)


def test_numbers_that_are_not_normalized_have_the_loss_and_r2_of_plain_keras(tmp_path: Path) -> None:
    metrics = ["mean_absolute_error", "root_mean_squared_error", "r2_score"]
    data = {split: (X[part], SCORE[part].astype("float32")) for split, part in PARTS.items()}
    run = dlkit.train(config("number", metrics, normalize=False), data=data, runs_folder=tmp_path, verbose=False)
    assert run.evaluate() == same(run.test)
    assert by_plain_keras(run, "number") == same(run.test)


def test_a_weight_of_2_counts_an_example_twice_in_every_figure(trained: tuple[str, dlkit.Run]) -> None:
    kind, run = trained
    settings = config(kind, metrics_of(kind))
    settings["data"]["weights"] = "w"
    data = dict(pairs(kind))
    (x, y), weights = data["test"], RANDOM.integers(0, 4, TESTED)
    copies = np.repeat(np.arange(TESTED), weights)
    twice = evaluate(run.folder, data={**data, "test": (x[copies], y[copies])}).figures
    for factor in (1, 0.5):
        weighted = {s: ({"x": a}, {"y": b, "w": np.ones(len(b))}) for s, (a, b) in data.items()}
        weighted["test"] = ({"x": x}, {"y": y, "w": weights * factor})
        found = evaluate(run.folder, loaded=from_mapping(settings, needs_source=False), data=weighted).figures
        assert found == same({n: v * factor if n in COUNTS else v for n, v in twice.items()})


@pytest.mark.parametrize("kind", TARGETS.names())
def test_the_constant_answer_minimises_the_loss_among_constants(kind: str) -> None:
    data = from_mapping(config(kind), needs_source=False).config.data
    splits = load_splits(data, given=pairs(kind))
    target = splits.spec.targets["y"]
    labels = splits.train.arrays.targets["y"]  # type: ignore[union-attr]
    loss = Choice(Training(), {}).loss(target, logits=True, reduction="sum_over_batch_size")
    best = np.asarray(target.settings.constant(target, labels), np.float32)

    def of(answer: np.ndarray) -> float:
        return float(loss(labels, np.tile(answer, (len(labels), 1))))

    for step in (-0.3, 0.3):
        for unit in range(len(best)):
            other = best.copy()
            other[unit] += step
            assert of(best) <= of(other) + 2e-3


# A class and a number; weights of 0 are among those of every kind above.
WITHOUT = {"category", "number"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in WITHOUT else pytest.mark.slow) for kind in TARGETS.names()]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_an_example_of_weight_0_might_as_well_not_be_there(kind: str, weighted: bool, tmp_path: Path) -> None:
    keep = np.arange(70) % 3 != 0
    x, y = X[:70], LABELS[kind][:70]
    weights = keep.astype("float32")
    settings = config(kind)
    settings["data"] |= {"shuffle": False, "batch_size": 70}
    settings["training"] |= {"optimizer": {"name": "sgd", "learning_rate": 0.1}}
    # What is fitted on the training rows is fitted on all of them, so that both runs have the same scales and classes.
    settings["data"]["inputs"]["x"] = {"kind": "number", "preprocess": []}
    if kind in ("number", "forecast"):
        settings["data"]["targets"]["y"]["normalize"] = False
    if weighted:
        settings["data"]["weights"] = "w"
        data = {"train": ({"x": x}, {"y": y, "w": weights}), "test": ({"x": x}, {"y": y, "w": weights})}
    else:
        data = {"train": (x[keep], y[keep]), "test": (x[keep], y[keep])}
        settings["data"]["batch_size"] = int(keep.sum())
    run = dlkit.train(settings, data=data, runs_folder=tmp_path, verbose=False)
    # What a kind's own figures are compared with is fitted on all rows as well.
    figures = {name: value for name, value in run.test.items() if name not in TARGETS[kind].own_figures}
    RESULTS.setdefault(kind, []).append(figures)
    if len(RESULTS[kind]) == 2:
        one, two = RESULTS[kind]
        assert one == pytest.approx(two, rel=1e-4, abs=1e-5)


RESULTS: dict[str, list[dict[str, float]]] = {}


@pytest.mark.parametrize("kind", TARGETS.names())
def test_results_and_labels_are_plain_json_in_words(kind: str) -> None:
    data = from_mapping(config(kind), needs_source=False).config.data
    splits = load_splits(data, given=pairs(kind))
    target = splits.spec.targets["y"]
    settings = target.settings
    logits = RANDOM.normal(size=(3, target.units)).astype("float32")
    results = np.asarray(settings.results(target, logits))
    for row, label in zip(results, splits.train.arrays.targets["y"], strict=False):  # type: ignore[union-attr]
        record = settings.record(target, row)
        assert json.loads(json.dumps(record)) == record
        assert json.dumps(settings.label(target, label))
        assert settings.ranked(target, row)
    state = json.loads(json.dumps(dict(target.state)))
    assert state == dict(target.state)
    assert isinstance(splits.train.arrays, Batch)  # type: ignore[union-attr]
