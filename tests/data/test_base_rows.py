"""Windows between moments in time: none straddles a cut, none is in two parts, and none is lost without a reason."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlkit.data.base_rows import between, moments
from dlkit.schema.source import BaseRows
from dlkit.sources._windows import first_rows
from dlkit.sources.timeseries import TimeseriesSource


def base_of(lengths: list[int], starts: list[int], span: int, ahead: int, stride: int) -> BaseRows:
    ends = np.concatenate([[0], np.cumsum(lengths)])
    times = np.concatenate([start + np.arange(length) for start, length in zip(starts, lengths, strict=False)])
    series = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    return BaseRows(first_rows(ends, span, stride), span, ahead, series, ("",) * len(lengths), times, 1, {})


sizes = st.integers(1, 5)
bases = st.builds(
    lambda lengths, starts, past, ahead, stride: base_of(lengths, starts, past + ahead, ahead, stride),
    st.lists(st.integers(1, 25), min_size=1, max_size=4),
    st.lists(st.integers(0, 10), min_size=4, max_size=4),
    st.integers(0, 5), sizes, sizes,
)  # fmt: skip


@given(bases, st.lists(st.integers(0, 35), min_size=1, max_size=2, unique=True).map(sorted))
def test_no_window_straddles_a_cut_and_every_other_is_in_one_part(base: BaseRows, cuts: list[int]) -> None:
    parts = between(base, cuts)
    edges = [-1, *cuts, 100]
    whole = set(range(len(base.first)))
    for number, rows in enumerate(parts):
        low, high = edges[number], edges[number + 1]
        expected = set()
        for row in whole:
            covered = base.times[base.first[row] : base.first[row] + base.span]
            if all(low <= time < high for time in covered[-base.ahead :]):
                expected.add(row)
                assert max(covered) < high, "no row of a later part is seen"
        assert set(rows.tolist()) == expected
    predicted = [
        {int(base.first[row]) + base.span - 1 - step for row in rows for step in range(base.ahead)} for rows in parts
    ]
    seen = {int(base.first[row]) + step for row in parts[0] for step in range(base.span)}
    assert not any(seen & later for later in predicted[1:]), "training covers nothing that is predicted later"


def test_the_last_24_months_of_the_airline() -> None:
    given = {"bundled": "airline", "time": "Date", "targets": "Passengers", "past": 24, "horizon": 12}
    source = TimeseriesSource.model_validate({"kind": "timeseries", **given}).open()
    assert source.base is not None
    base = source.base("train")
    cuts = moments(base, [24 / 144])
    assert str(cuts[0].astype("datetime64[M]")) == "1959-01"
    train, test = between(base, cuts)
    assert (train.tolist(), test.tolist()) == (list(range(85)), list(range(96, 109)))
    validation = between(base, moments(base, [0.1, 0.2]))[1]
    assert len(validation) == 3
