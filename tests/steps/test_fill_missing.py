"""`fill_missing`: what is put in the place of NaN, and which inputs may hold it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.config.problems import RunError
from dlkit.schema.loader import from_mapping
from dlkit.steps.fill_missing import FillMissing
from tests.quick import ALONE

X = np.array([[1, 5, np.nan], [2, 5, np.nan], [np.nan, 7, np.nan], [6, 5, np.nan]], np.float32)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("mean", [3, 5.5, 0]), ("median", [2, 5, 0]), ("most_frequent", [1, 5, 0]), (-1.5, [-1.5, -1.5, -1.5])],
    ids=str,
)
def test_each_column_is_filled_with_its_own_value(value: Any, expected: list[float]) -> None:
    step = FillMissing(step="fill_missing", value=value)
    state = step.fit([X[:2], X[2:]])
    filled = np.asarray(step.layer(state)(X))
    np.testing.assert_allclose(filled, np.where(np.isnan(X), expected, X))
    assert step.notes(state)[0] == "`fill_missing`: 4 of 4 training rows miss a value"
    assert "no training row has a value in 1 column" in step.notes(state)[1]


def test_indicators_stand_behind_the_values() -> None:
    step = FillMissing(step="fill_missing", indicator=True)
    filled = np.asarray(step.layer(step.fit([X]))(X))
    np.testing.assert_array_equal(filled[:, 3:], np.isnan(X))


def config(*steps: Any) -> dict[str, Any]:
    """A small network over three numbers with these steps."""
    data = {"inputs": {"x": {"kind": "number", "preprocess": list(steps)}}, "targets": {"y": {"kind": "binary"}}}
    model = {"builder": "mlp", "dense": [4]}
    return {
        "name": "holes",
        "data": data,
        "model": model,
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }


def test_a_bare_value_is_what_is_filled_in() -> None:
    for bare, value in (("median", "median"), (0.5, 0.5)):
        (step,) = from_mapping(config({"fill_missing": bare}), needs_source=False).config.data.inputs["x"].preprocess
        assert step.value == value  # type: ignore[attr-defined]


def test_a_model_trained_with_holes_takes_raw_rows_with_holes(tmp_path: Any) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    x[random.random(x.shape) < 0.2] = np.nan
    given = {"train": (x, y), "test": (x, y)}
    run = dlkit.train(config({"fill_missing": "median"}, "normalize"), data=given, runs_folder=tmp_path, verbose=False)
    model = keras.saving.load_model(run.folder / "model.keras")
    assert np.isfinite(model.predict(x, verbose=0)).all()
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(run.test["loss"], rel=1e-5)


def test_without_it_nan_is_refused_and_the_help_names_it() -> None:
    with pytest.raises(RunError) as refused:
        dlkit.train(config("normalize"), data=(X[:, :2], np.array([0, 1, 0, 1])), verbose=False)
    (problem,) = refused.value.problems
    assert problem.code == "not-finite" and "row 2" in problem.message and "fill_missing" in problem.help
