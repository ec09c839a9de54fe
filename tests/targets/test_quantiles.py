"""Quantiles of numbers and forecasts, and numbers above 0: losses, results that do not cross, files, saved models."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import sklearn.metrics as sk

import dlkit
from dlkit.config.problems import RunError
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.evaluation.evaluate import evaluate
from dlkit.evaluation.predict import predict
from dlkit.evaluation.tables import write
from dlkit.models.build import build
from dlkit.models.saving import load_model, save_model
from dlkit.schema.loader import from_mapping
from tests.config.base import VALID, mistakes

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(256, 3)).astype("float32")
# Noise that grows with the first column, so that quantiles are no shift of each other.
Y = (100 + 20 * X[:, 1] + (5 + 3 * np.abs(X[:, 0])) * RANDOM.normal(size=256)).astype("float32")
SHARES = [0.1, 0.5, 0.9]


def config(target: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target}, "batch_size": 64}
    training = {"epochs": 3, "health": "off", "baselines": "off", "optimizer": {"name": "adam", "learning_rate": 0.01}}
    model = {"builder": "mlp", "dense": [8]}
    return {"name": "q", "data": data, "model": model, "training": training, "runtime": {"compile": "graph"}, **more}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    settings = config({"kind": "number", "quantiles": SHARES})
    data = {"train": (X, Y), "test": (X[:100], Y[:100])}
    return dlkit.train(settings, data=data, runs_folder=tmp_path_factory.mktemp("q"), verbose=False)


def test_the_figures_are_the_pinball_loss_the_error_of_the_median_and_the_share_between(run: dlkit.Run) -> None:
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        results = kept["y_result"].astype(np.float64)
    assert results.shape == (100, 3) and (np.diff(results, axis=1) >= 0).all()
    deviation = Y.astype(np.float64).std()
    losses = [sk.mean_pinball_loss(Y[:100], results[:, n], alpha=share) for n, share in enumerate(SHARES)]
    between = (Y[:100] >= results[:, 0]) & (Y[:100] <= results[:, 2])
    assert run.test == pytest.approx({
        "loss": np.mean(losses) / deviation, "mean_absolute_error": sk.mean_absolute_error(Y[:100], results[:, 1]),
        "coverage": between.mean(),
    }, rel=1e-4)  # fmt: skip
    assert run.evaluate() == pytest.approx(run.test, rel=1e-6)


def test_plain_keras_opens_the_saved_model_and_gives_the_same_quantiles(run: dlkit.Run) -> None:
    plain = keras.saving.load_model(run.folder / "model.keras")
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        np.testing.assert_allclose(plain.predict(X[:100], verbose=0), kept["y_result"], rtol=1e-5)


def test_quantiles_are_columns_of_predictions(run: dlkit.Run, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X[:5])
    write(tmp_path / "out.csv", predict(run.folder, [tmp_path / "x.npy"]))
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert list(rows[0]) == ["input", "row", "value", "q10", "q50", "q90"]
    assert all(row["value"] == row["q50"] and float(row["q10"]) <= float(row["q90"]) for row in rows)


def bound(target: dict[str, Any], labels: np.ndarray) -> Any:
    loaded = from_mapping(config(target), needs_source=False)
    splits = load_splits(loaded.config.data, given={"train": (X, labels)})
    return splits.spec.targets["y"], build(loaded.config, splits.spec), splits.train.arrays.targets["y"]  # type: ignore[union-attr]


TARGETS: list[tuple[dict[str, Any], np.ndarray]] = [
    ({"kind": "number", "quantiles": SHARES}, Y),
    ({"kind": "number", "quantiles": [0.25, 0.75], "normalize": False}, np.stack([Y, 2 * Y], axis=1)),
    ({"kind": "forecast", "quantiles": SHARES}, np.stack([Y, 3 * Y, Y - 50, Y], axis=1).reshape(-1, 2, 2)),
    ({"kind": "number", "quantiles": SHARES, "positive": True}, Y),
]


@pytest.mark.parametrize(("target", "labels"), TARGETS)
def test_the_constant_minimises_the_loss_and_every_row_is_in_words(target: dict[str, Any], labels: np.ndarray) -> None:
    what, built, given = bound(target, labels)
    loss = built.objective(training=False).losses["y"]
    best = np.asarray(what.settings.constant(what, given), np.float32)
    assert best.shape == (what.units,) == (int(np.prod(labels.shape[1:])) * len(target["quantiles"]),)

    def of(answer: np.ndarray) -> float:
        return float(np.mean(loss(given, np.tile(answer, (len(given), 1)))))

    for unit in range(len(best)):
        for step in (-0.2, 0.2):
            other = best.copy()
            other[unit] += step * (1 if target.get("normalize", True) else Y.std())
            assert of(best) <= of(other) + 1e-3
    assert what.settings.constant_words == "quantiles always"
    results = np.asarray(what.settings.results(what, best[None]))
    record = what.settings.record(what, results[0])
    assert list(record) == ["value", *(f"q{100 * share:g}" for share in target["quantiles"])]
    assert what.settings.from_numbers(what, labels).shape == (len(labels), what.units)


def test_a_linear_forecast_continues_the_last_value_in_every_quantile() -> None:
    steps = np.cumsum(RANDOM.normal(size=(64, 8, 1)), axis=1).astype("float32")
    settings = config({"kind": "forecast", "quantiles": SHARES, "normalize": False})
    settings["data"]["inputs"] = {"x": {"kind": "sequence", "preprocess": []}}
    settings["model"] = {"builder": "linear"}
    loaded = from_mapping(settings, needs_source=False)
    data = {"train": (steps[:, :6], steps[:, 6:])}
    built = build(loaded.config, load_splits(loaded.config.data, given=data).spec)
    built.network.set_weights([np.zeros_like(w) for w in built.network.get_weights()])
    np.testing.assert_allclose(built.network(steps[:, :6]), np.repeat(steps[:, 5], 6, axis=1), rtol=1e-6)


@pytest.mark.slow
def test_counts_are_predicted_by_their_logarithm_and_the_loss_of_poisson_is_that_of_scikit_learn(
    tmp_path: Path,
) -> None:
    counts = RANDOM.poisson(np.exp(1 + 0.5 * X[:, 0])).astype("float32")
    target = {"kind": "number", "positive": True, "loss": "poisson", "metrics": ["mean_squared_error"]}
    data = {"train": (X, counts), "test": (X, counts)}
    run = dlkit.train(config(target), data=data, runs_folder=tmp_path, verbose=False)
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        results = kept["y_result"][:, 0].astype(np.float64)
    assert (results > 0).all()
    assert run.test["loss"] == pytest.approx((results - counts * np.log(results)).mean(), rel=1e-4)
    assert run.evaluate() == pytest.approx(run.test, rel=1e-6)
    plain = keras.saving.load_model(run.folder / "model.keras")
    assert plain.evaluate(X, counts, verbose=0, return_dict=True) == pytest.approx(run.test, rel=1e-4)
    with pytest.raises(RunError, match="holds -1, and `positive` is for numbers above 0"):
        dlkit.train(config(target), data={"train": (X, counts - 3)}, runs_folder=tmp_path, verbose=False)


@pytest.mark.parametrize(
    ("target", "words", "at", "said"),
    [
        ("quantiles: [0.5, 0.1]", (), "0.1", "must be greater than 0.5"),
        ("quantiles: [0.1, 0.1]", (), "0.1", "must be greater than 0.1"),
        ("quantiles: [0.1, 50]", (), "50", "less than 1"),
        ("quantiles: []", (), "quantiles", ""),
        ("quantiles: 0.5", (), "0.5", "write [0.5]"),
        ("quantiles: [0.1], loss: huber", (), "huber", "remove it"),
        ("quantiles: [0.1], metrics: [r2_score]", (), "metrics", "remove it"),
        ("quantiles: [0.1]", ("training.loss=huber",), "huber", "remove it"),
        ("quantile: [0.1]", (), "quantile", "did you mean `quantiles`?"),
        ("loss: poisson", (), "poisson", "write `positive: true`"),
        ("loss: pinball", (), "pinball", "`quantiles: [0.1, 0.5, 0.9]`"),
    ],
)
def test_what_does_not_fit_is_reported_at_its_place(
    tmp_path: Path, target: str, words: tuple[str, ...], at: str, said: str
) -> None:
    (problem,) = mistakes(tmp_path, VALID.replace("{kind: category}", f"{{kind: number, {target}}}"), *words)
    assert said in f"{problem.label} {problem.help}"
    place = problem.location
    assert place is not None and place.excerpt[place.column - 1 :].startswith(at)


def test_a_model_of_several_targets_has_the_losses_that_keras_has(tmp_path: Path) -> None:
    settings = config({"kind": "number", "quantiles": SHARES})
    settings["data"]["targets"]["c"] = {"kind": "binary"}
    given = {"test": ({"x": X}, {"y": Y, "c": (Y > 100).astype(int)})}
    given["train"] = given["test"]
    loaded = from_mapping(settings, needs_source=False)
    splits = load_splits(loaded.config.data, given=given)
    spec = fit_and_stage(splits, loaded.config.data)[0].spec
    save_model(tmp_path / "model.keras", build(loaded.config, spec))
    found = evaluate(tmp_path / "model.keras", loaded=loaded, data=given).figures
    assert {"y_loss", "c_loss", "y_coverage", "c_accuracy"} <= set(found)


def test_the_settings_of_a_saved_model_come_back(run: dlkit.Run) -> None:
    _, spec = load_model(run.folder / "model.keras")
    assert spec.targets["y"].settings.quantiles == SHARES
