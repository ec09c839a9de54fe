"""`quantile`, `min_max`, `log` and `clip`: what they compute, what they refuse, and what they say of the data."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.stats import norm
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.schema.loader import from_mapping
from dlkit.schema.step import STEPS, UnfitError
from dlkit.steps import _columns
from tests.quick import ALONE

RANDOM = np.random.default_rng(3)
X = np.stack([RANDOM.normal(size=2000), RANDOM.exponential(size=2000) ** 3], axis=1).astype("float32")


def fitted(name: str, train: np.ndarray, **settings: Any) -> tuple[Any, Any]:
    """A step's function after it has seen some rows in two batches, and its state."""
    step = STEPS[name].model_validate({"step": name, **settings})
    state = dict(step.fit([train[: len(train) // 2], train[len(train) // 2 :]]))
    step.check_state(state)
    return step.layer(state), state


def apply(name: str, train: np.ndarray, values: Any, **settings: Any) -> np.ndarray:
    """What a step that has seen some rows makes of others."""
    return np.asarray(fitted(name, train, **settings)[0](np.asarray(values, np.float32)))


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_quantiles_are_those_of_scikit_learn(output: Any) -> None:
    reference = QuantileTransformer(n_quantiles=101, output_distribution=output, subsample=None).fit(X)
    found = apply("quantile", X, X, output=output, bins=100)
    low, high = np.quantile(X, [0.02, 0.98], axis=0)
    inner = ((low < X) & (high > X)).all(axis=1)
    # Between two edges scikit-learn takes the straight line before the normal distribution, and dlkit after it.
    np.testing.assert_allclose(found[inner], reference.transform(X)[inner], atol=1e-5 if output == "uniform" else 0.01)


def test_normal_quantiles_end_half_a_row_from_the_end() -> None:
    found = apply("quantile", X, [[-100, -100], [1e9, 1e9]], output="normal")
    np.testing.assert_allclose(found[1], norm.ppf(1 - 0.5 / 2000), rtol=1e-5)
    np.testing.assert_allclose(found[0], -found[1], rtol=1e-5)


def test_an_outlier_moves_no_quantile_and_lands_at_the_end() -> None:
    train = X.copy()
    train[0] = 1e30
    np.testing.assert_allclose(apply("quantile", train, X[1:]), apply("quantile", X, X[1:]), atol=0.03)
    np.testing.assert_array_equal(apply("quantile", train, [[1e30, np.finfo("float32").max]]), [[1, 1]])


def test_a_value_of_many_rows_becomes_the_middle_of_their_shares() -> None:
    train = np.r_[np.zeros(600), np.linspace(1, 2, 400)].astype("float32")[:, np.newaxis]
    found = apply("quantile", train, [[0.0], [2.0]], bins=100)
    np.testing.assert_allclose(found[:, 0], [0.295, 1.0], atol=0.01)


@pytest.mark.parametrize("name", ["quantile", "min_max", "clip", "log"])
def test_nan_is_left_out_of_the_fit_and_stays_where_it_is(name: str) -> None:
    settings = {"quantiles": [0.1, 0.9]} if name == "clip" else {}
    train = np.abs(X)
    holes = np.concatenate([train, np.full((100, 2), np.nan, np.float32)])
    assert fitted(name, train, **settings)[1] == fitted(name, holes, **settings)[1]
    found = apply(name, holes, holes, **settings)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(holes))
    assert not np.isnan(found[: len(train)]).any()


def test_min_max_is_that_of_scikit_learn_and_clips_where_it_is_asked_to() -> None:
    train, rest = X[:1000], X[1000:]
    reference = MinMaxScaler().fit(train).transform(rest)
    np.testing.assert_allclose(apply("min_max", train, rest), reference, atol=1e-6)
    np.testing.assert_allclose(apply("min_max", train, rest, clip=True), np.clip(reference, 0, 1), atol=1e-6)


@pytest.mark.parametrize("name", ["quantile", "min_max"])
def test_a_column_that_never_varies_becomes_0_and_is_reported(name: str) -> None:
    train = X.copy()
    train[:, 0] = 7
    values = np.array([[7, 0.5], [8, 0.5], [-1e9, 0.5]])
    np.testing.assert_array_equal(apply(name, train, values)[:, 0], 0)
    step = STEPS[name].model_validate({"step": name})
    (note,) = step.notes(step.fit([train]))
    assert note == f"`{name}`: 1 of 2 columns are the same in every training row, and always 0 after it"


@pytest.mark.parametrize("name", ["quantile", "min_max", "log"])
def test_a_column_without_any_number_is_refused(name: str) -> None:
    train = np.abs(X)
    train[:, 1] = np.nan
    with pytest.raises(UnfitError, match="1 of 2 columns") as refused:
        fitted(name, train)
    assert refused.value.code == "empty-column" and "the first is column 1" in refused.value.help


def test_log_is_that_of_numpy_and_holds_on_to_the_smallest_value_of_training() -> None:
    train = np.abs(X)
    np.testing.assert_allclose(apply("log", train, train), np.log1p(train), rtol=1e-5)
    np.testing.assert_allclose(apply("log", train + 1, train + 1, offset=0.0), np.log(train + 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(apply("log", X, X, offset=9.0), np.log(X + 9), rtol=1e-4)
    low = train.min(axis=0)
    np.testing.assert_allclose(apply("log", train, [[-5.0, -5.0]])[0], np.log1p(low), rtol=1e-5)


@pytest.mark.parametrize(("offset", "wrong"), [(1.0, -0.5), (0.0, 0.0), (5.0, -4.5)])
def test_log_refuses_values_without_a_logarithm_and_counts_the_rows(offset: float, wrong: float) -> None:
    train = np.abs(X) + 0.1
    train[[3, 1500]] = wrong
    with pytest.raises(UnfitError) as refused:
        fitted("log", train, offset=offset)
    assert refused.value.code == "no-logarithm"
    assert "2 of 2,000 training rows" in str(refused.value) and f"such as {wrong:g}" in str(refused.value)


def test_what_a_step_refuses_is_reported_at_its_place_in_the_configuration() -> None:
    with pytest.raises(RunError) as refused:
        dlkit.train(config("min_max", "normalize", "log"), data=(X, (X[:, 0] > 0).astype("int32")), verbose=False)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("no-logarithm", ("data", "inputs", "x", "preprocess", 2))
    assert problem.message.startswith("train: input `x`: `log`: ")


def test_clip_cuts_off_at_bounds_or_quantiles_and_counts() -> None:
    np.testing.assert_array_equal(apply("clip", X, X, low=-0.5, high=1.0), np.clip(X, -0.5, 1))
    low, high = np.quantile(X, [0.1, 0.8], axis=0)
    np.testing.assert_allclose(apply("clip", X, X, quantiles=[0.1, 0.8]), np.clip(X, low, high), rtol=1e-6)
    step = STEPS["clip"].model_validate({"step": "clip", "high": 1.0})
    beyond = int((X > 1).sum())
    assert step.notes(step.fit([X])) == [f"`clip`: {beyond:,} of 4,000 training values lie beyond its bounds"]


def config(*steps: Any, kind: str = "number") -> dict[str, Any]:
    """A small network over two numbers with these steps."""
    data = {"inputs": {"x": {"kind": kind, "preprocess": list(steps)}}, "targets": {"y": {"kind": "binary"}}}
    model = {"builder": "mlp", "dense": [4]}
    return {
        "name": "numeric",
        "data": data,
        "model": model,
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ("clip", "no bounds"),
        ({"clip": {"low": 1.0, "quantiles": [0.1, 0.9]}}, "either numbers or quantiles"),
        ({"clip": {"low": 1.0, "high": 1.0}}, "not below"),
        ({"clip": {"quantiles": [0.9, 0.1]}}, "not below"),
    ],
)
def test_bounds_that_contradict_each_other_are_refused(clip: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(config(clip), needs_source=False)


def test_a_model_of_all_of_them_takes_raw_rows(tmp_path: Any) -> None:
    x = np.abs(X)
    y = (x[:, 0] > 0.5).astype("int32")
    steps = ({"clip": {"quantiles": [0.0, 0.99]}}, "log", "quantile", "min_max")
    run = dlkit.train(config(*steps), data={"train": (x, y), "test": (x, y)}, runs_folder=tmp_path, verbose=False)
    model = keras.saving.load_model(run.folder / "model.keras")
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(run.test["loss"], rel=1e-5)


@pytest.mark.slow  # that their layers are Keras's own is a test of all steps
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_plain_keras_opens_them_on_every_backend_that_is_installed(backend: str, tmp_path: Path) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    x = np.abs(X)
    x[::7, 0] = np.nan
    settings: tuple[tuple[str, dict[str, Any]], ...] = (
        ("fill_missing", {"indicator": False}), ("clip", {"quantiles": [0.01, 0.99]}), ("log", {}),
        ("quantile", {"output": "normal"}), ("min_max", {}),
    )  # fmt: skip
    inputs = y = keras.Input((2,))
    values = x
    for name, given in settings:
        layer, _ = fitted(name, values, **given)
        y, values = layer(y), np.asarray(layer(values))
    keras.Model(inputs, y).save(tmp_path / "m.keras")
    np.savez(tmp_path / "x.npz", x=x, y=values)
    code = """
import sys, numpy as np, keras
data = np.load("x.npz")
found = keras.saving.load_model("m.keras").predict(data["x"], verbose=0)
np.testing.assert_allclose(found, data["y"], atol=1e-5)
assert "dlkit" not in sys.modules
"""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_many_rows_are_sampled_alike_and_hardly_move_the_quantiles() -> None:
    batches = np.array_split(RANDOM.normal(size=(40_000, 3)), 50)
    one, again = _columns.sampled(batches, most=10_000), _columns.sampled(batches, most=10_000)
    np.testing.assert_array_equal(one, again)
    assert 4_000 < len(one) <= 10_000
    np.testing.assert_allclose(np.quantile(one, [0.1, 0.5, 0.9], axis=0), norm.ppf([[0.1], [0.5], [0.9]]) * [1, 1, 1],
                               atol=0.1)  # fmt: skip
