"""Forecasts: what their errors are compared with, and how they are written down."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_splits
from dlkit.evaluation.evaluate import evaluate
from dlkit.evaluation.tables import write
from dlkit.models.predictions import Predictions, RowPlaces
from dlkit.schema.data import Data
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from tests.bound import a_target
from tests.quick import ALONE

AIRLINE = {"kind": "timeseries", "bundled": "airline", "time": "Date", "targets": "Passengers"}
# The last 13 windows predict the last 24 months; no window of training sees any of these.
SPLITS = {"train": "train[:85]", "test": "train[96:]"}


def settings(source: dict[str, Any] | None = None, **target: Any) -> dict[str, Any]:
    data = {
        "source": {**AIRLINE, "past": 24, "horizon": 12, **(source or {})},
        "splits": SPLITS,
        "inputs": {"past": {"kind": "sequence"}},
        "targets": {"future": {"kind": "forecast", **target}},
    }
    return {
        "name": "airline", "data": data, "model": {"builder": "mlp", "dense": [8]},
        "training": {"epochs": 2, **ALONE}, "runtime": {"compile": "graph"},
    }  # fmt: skip


def passengers() -> np.ndarray:
    splits = load_splits(Data.model_validate({**settings()["data"], "splits": {"train": "train"}}))
    windows = splits.train.arrays  # type: ignore[union-attr]
    past, future = windows.inputs["past"], windows.targets["future"]
    return np.concatenate([past[0, :, 0], future[0, :, 0], future[1:, -1, 0]]).astype(np.float64)


@pytest.mark.parametrize(("season", "lag"), [(None, 12), (1, 1), (7, 7)])
def test_errors_are_compared_with_the_season_before_in_all_months_of_training(season: int | None, lag: int) -> None:
    series = passengers()
    assert len(series) == 144
    data = Data.model_validate(settings(**({} if season is None else {"season": season}))["data"])
    state = load_splits(data).spec.targets["future"].state
    seen = series[:120]
    assert state["season"] == lag
    assert state["differences"] == pytest.approx([np.abs(seen[lag:] - seen[:-lag]).mean()])


def test_series_are_not_compared_with_each_other(tmp_path: Path) -> None:
    rows = "".join(
        f"{day},{(day + 1) * factor},{name}\n" for name, factor in (("a", 1), ("b", 100)) for day in range(9)
    )
    (tmp_path / "a.csv").write_text(f"day,y,g\n{rows}", encoding="utf-8")
    source = {"kind": "timeseries", "path": str(tmp_path / "a.csv"), "time": "day", "group": "g", "targets": "y"}
    data = settings({**source, "bundled": None, "past": 3, "horizon": 2}, season=2)["data"]
    state = load_splits(Data.model_validate({**data, "splits": {"train": "train"}})).spec.targets["future"].state
    assert state["differences"] == pytest.approx([(2 + 200) / 2])


def test_a_run_evaluate_and_plain_keras(tmp_path: Path) -> None:
    run = dlkit.train(settings(), runs_folder=tmp_path, verbose=False)
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        labels, results = kept["future_label"].astype(np.float64), kept["future_result"].astype(np.float64)
    assert labels.shape == (13, 12, 1)
    error, seen = np.abs(labels.reshape(13, 12) - results).mean(), passengers()[:120]
    scale = np.abs(seen[12:] - seen[:-12]).mean()
    assert run.test["mean_absolute_error"] == pytest.approx(error, rel=1e-5)
    assert run.test["mase"] == pytest.approx(error / scale, rel=1e-5)
    assert run.evaluate() == pytest.approx(run.test, rel=1e-5)
    plain = keras.saving.load_model(run.folder / "model.keras").get_compile_config()
    assert [metric["config"]["name"] for metric in plain["metrics"]] == ["mean_absolute_error"]
    with pytest.raises(RunError) as refused:
        evaluate(run.folder, loaded=from_mapping(settings({"horizon": 6})))
    assert refused.value.problems[0].code == "shape-mismatch"


def test_arrays_have_the_season_before_only_within_their_steps() -> None:
    x, y = np.zeros((9, 2), np.float32), np.arange(27.0).reshape(9, 3) ** 2
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "forecast", "season": 2}}}
    splits = load_splits(Data.model_validate(data), given=(x, y))
    assert splits.spec.targets["y"].state["differences"] == pytest.approx([(y[:, 2] - y[:, 0]).mean()])
    data["targets"]["y"]["season"] = 3
    splits = load_splits(Data.model_validate(data), given=(x, y))
    assert splits.spec.targets["y"].state.get("differences") is None
    assert "there is no `mase`" in " ".join(splits.notes)


def test_a_series_that_never_moves_has_no_season_to_be_compared_with() -> None:
    x, y = np.zeros((9, 2), np.float32), np.ones((9, 3))
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "forecast"}}}
    splits = load_splits(Data.model_validate(data), given=(x, y))
    assert "a channel is always what it was 1 steps before" in " ".join(splits.notes)


def test_mase_is_not_asked_for() -> None:
    with pytest.raises(ConfigError) as refused:
        from_mapping(settings(metrics=["mase"]))
    (problem,) = refused.value.problems
    assert problem.code == "unknown-choice"
    assert "`kind: forecast` has it by itself" in f"{problem.label} {problem.help}"


def forecast(channels: int) -> Any:
    return a_target(Feature("y", "forecast", (2, channels), "float32"))


@pytest.mark.parametrize(
    ("channels", "value", "columns"),
    [(1, [0.0, 1.0], ["value_0", "value_1"]),
     (2, [[0.0, 1.0], [2.0, 3.0]], ["value_0_0", "value_0_1", "value_1_0", "value_1_1"])],
)  # fmt: skip
def test_predictions_are_a_number_for_each_step_and_channel(
    channels: int, value: list[Any], columns: list[str], tmp_path: Path
) -> None:
    target = forecast(channels)
    result = np.arange(2.0 * channels, dtype=np.float32)
    assert target.settings.record(target, result) == {"value": value}
    assert target.settings.label(target, result.reshape(2, channels)) == value
    rows = np.arange(1)
    found = Predictions({"y": target}, rows, RowPlaces("test", rows), {"y": result[np.newaxis]})
    for name in ("a.csv", "a.json"):
        write(tmp_path / name, found)
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file).fieldnames or []) == ["input", "row", *columns]
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))[0]["y"]["value"] == value


@pytest.mark.parametrize("shape", [(), (2, 3, 4), (None, 2)])
def test_labels_that_are_no_steps_are_refused(shape: tuple[int | None, ...]) -> None:
    from dlkit.schema.source import SourceField

    with pytest.raises(ConfigError, match="must be steps"):
        forecast(1).settings.feature("y", SourceField(shape, "float32"), in_memory=True)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"season": 0},
        {"season": 1, "mean": [0.0]},
        {"season": 1, "mean": [0.0, 0.0], "deviation": [1.0, 1.0]},
        {"season": 1, "differences": [-1.0]},
    ],
)
def test_a_state_that_was_not_fitted_is_refused(state: dict[str, Any]) -> None:
    target = forecast(1)
    with pytest.raises(ValueError):
        target.settings.check_state(state, target.feature)
