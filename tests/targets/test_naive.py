"""Forecasts that repeat the past look at nothing that was not seen."""

from __future__ import annotations

import numpy as np

from dlkit.targets._naive import growing, seasonal

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
