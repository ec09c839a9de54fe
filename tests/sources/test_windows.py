"""Windows over series: none is lost, none leaves its series, and those of one series are a view."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlkit.sources._windows import first_rows, windows

lengths = st.lists(st.integers(1, 30), min_size=1, max_size=5)
sizes = st.integers(1, 6)


@given(lengths, sizes, sizes)
def test_no_window_is_lost_and_none_leaves_its_series(lengths: list[int], span: int, stride: int) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    first = first_rows(starts, span, stride)
    series = np.repeat(np.arange(len(lengths)), lengths)
    for number, length in enumerate(lengths):
        own = first[series[first] == number] if first.size else first
        # The last possible one is used, and as many before it as there is room for.
        expected = range(length - span, -1, -stride)
        assert own.tolist() == [int(starts[number]) + start for start in reversed(expected)]
        assert all(series[start] == series[start + span - 1] for start in own)


@given(lengths, sizes, sizes, st.integers(0, 3), sizes)
def test_a_window_holds_the_rows_that_it_covers(
    lengths: list[int], past: int, horizon: int, gap: int, stride: int
) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    values = np.arange(2.0 * starts[-1]).reshape(-1, 2)
    first = first_rows(starts, past + gap + horizon, stride)
    if not first.size:
        return
    for after, length in ((0, past), (past + gap, horizon)):
        cut = windows(values, first + after, length)
        assert cut.tolist() == [values[start + after : start + after + length].tolist() for start in first]
        with pytest.raises(ValueError, match="read-only"):
            cut[0, 0, 0] = 1


def test_windows_of_one_series_take_no_memory() -> None:
    values = np.zeros((1000, 3), np.float32)
    for stride in (1, 7):
        assert windows(values, first_rows(np.array([0, 1000]), 100, stride), 90).base is not None
        assert np.shares_memory(windows(values, first_rows(np.array([0, 1000]), 100, stride), 90), values)
