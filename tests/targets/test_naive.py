"""Forecasts that repeat the past look at nothing that was not seen."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from dlkit.baselines.alone import of_config
from dlkit.bundled import reading
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import BaseRows
from dlkit.targets._naive import forecasts, growing, seasonal

YEARS = np.array([[1, 2, 3, 4], [2, 4, 6, 8], [4, 8, 12, 16]], np.float32).reshape(-1, 1)


def test_a_season_is_repeated_as_often_as_needed() -> None:
    found = seasonal(YEARS, np.array([4, 8, 10]), 6, 4)[..., 0]
    assert found.tolist() == [[1, 2, 3, 4, 1, 2], [2, 4, 6, 8, 2, 4], [6, 8, 4, 8, 6, 8]]


def test_growth_is_that_of_the_last_season_over_the_one_before() -> None:
    found = growing(YEARS, np.array([8]), 6, 4)[..., 0]
    assert found.tolist() == [[4, 8, 12, 16, 8, 16]]


def test_a_gap_moves_what_is_repeated() -> None:
    assert seasonal(YEARS, np.array([8]), 2, 4, gap=3)[..., 0].tolist() == [[8, 2]]
    assert growing(YEARS, np.array([8]), 2, 4, gap=3)[..., 0].tolist() == [[16, 8]]


def test_nothing_after_what_was_seen_is_looked_at() -> None:
    changed = YEARS.copy()
    changed[8:] = 99
    for forecast in (seasonal, growing):
        np.testing.assert_array_equal(
            forecast(YEARS, np.array([8]), 6, 4, gap=1), forecast(changed, np.array([8]), 6, 4, gap=1)
        )


def test_a_series_that_is_too_short_has_none() -> None:
    assert np.isnan(seasonal(YEARS, np.array([6]), 2, 4, start=np.array([4]))).tolist() == [[[True], [True]]]
    assert np.isnan(growing(YEARS, np.array([6]), 1, 4)).all()


def test_a_sum_that_is_not_positive_has_no_growth() -> None:
    np.testing.assert_array_equal(growing(-YEARS, np.array([8]), 4, 4), seasonal(-YEARS, np.array([8]), 4, 4))


def test_baselines_of_the_bundled_series_have_the_errors_of_forecasts_by_hand() -> None:
    source = {"kind": "timeseries", "bundled": "airline", "time": "Date", "targets": "Passengers"}
    data = {
        "source": source | {"past": 24, "horizon": 6, "gap": 2}, "splits": {"by": "time", "test": "24"},
        "inputs": {"past": {"kind": "sequence"}}, "targets": {"future": {"kind": "forecast"}},
    }  # fmt: skip
    found = of_config(from_mapping({"name": "airline", "data": data, "model": {"builder": "mlp"}}))
    with reading.AIRLINE.open() as file:
        series = np.array([float(row["Passengers"]) for row in csv.DictReader(file)])
    errors: dict[str, list[float]] = {"last value": [], "seasonal naive": [], "seasonal naive with growth": []}
    firsts = range(len(series) - 24, len(series) - 6 + 1)
    for first in firsts:
        seen = series[: first - 2]
        growth = seen[-12:].sum() / seen[-24:-12].sum()
        for step in range(6):
            ahead, actual = step + 2, series[first + step]
            errors["last value"].append(abs(actual - seen[-1]))
            errors["seasonal naive"].append(abs(actual - seen[ahead - 12]))
            errors["seasonal naive with growth"].append(abs(actual - seen[ahead - 12] * growth))
    rows = {row["name"]: row["figures"] for row in found["baselines"]}
    assert found["examples"] == len(firsts)
    assert list(rows) == ["mean always", *errors]
    unit = np.abs(series[12:-24] - series[:-36]).mean()
    for name, values in errors.items():
        assert rows[name]["mean_absolute_error"] == pytest.approx(np.mean(values), rel=1e-4)
        assert rows[name]["mase"] == pytest.approx(np.mean(values) / unit, rel=1e-4)


def test_a_series_that_does_not_reach_back_repeats_its_last_value() -> None:
    lengths = np.array([9, 9])
    values = np.arange(18, dtype=np.float32)[:, None]
    first = np.array([0, 9])
    base = BaseRows(
        first, 9, 3, np.repeat([0, 1], lengths).astype(np.int32), ("a", "b"), np.tile(np.arange(9), 2), 6, {"y": values}
    )
    found = forecasts(base, np.array([1, 0]), "y", 6)
    assert found["seasonal naive"].tolist() == [[9, 10, 11], [0, 1, 2]]
    assert forecasts(base, np.array([1]), "y", 7)["seasonal naive"].tolist() == [[14, 9, 10]]
