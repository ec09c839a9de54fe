"""Time series in a long table: which windows are cut from it, and what is said of tables that are not in order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import SourceData
from dlkit.sources.timeseries import TimeseriesSource


def table(times: Iterable[Any], values: Iterable[Any] | None = None) -> str:
    times = list(times)
    values = range(len(times)) if values is None else values
    return "t,y\n" + "".join(f"{time},{value}\n" for time, value in zip(times, values, strict=True))


def opened(folder: Path, text: str, **settings: Any) -> SourceData:
    path = folder / "a.csv"
    path.write_text(text, encoding="utf-8")
    given = {"kind": "timeseries", "path": str(path), "time": "t", "targets": "y", "past": 2, "horizon": 1, **settings}
    return TimeseriesSource.model_validate(given).open()


def problem_of(error: type[DlkitError], folder: Path, text: str, **settings: Any) -> Problem:
    with pytest.raises(error) as refused:
        opened(folder, text, **settings)
    (problem,) = refused.value.problems
    return problem


def column(source: SourceData, name: str) -> np.ndarray:
    assert source.arrays is not None
    return source.arrays("train")[name]


# Windows.


def test_the_keras_example_of_seven_windows_has_seven(tmp_path: Path) -> None:
    source = opened(tmp_path, table(range(10)), past=3)
    assert column(source, "past")[:, :, 0].tolist() == [[i, i + 1, i + 2] for i in range(7)]
    assert column(source, "future")[:, 0, 0].tolist() == [3, 4, 5, 6, 7, 8, 9]


def test_targets_covariates_and_what_is_known(tmp_path: Path) -> None:
    text = "t,y,z,warm,holiday\n" + "".join(f"{i},{i},{10 * i},{100 * i},{1000 * i}\n" for i in range(6))
    source = opened(tmp_path, text, targets=["z", "y"], covariates="warm", known=["holiday"], gap=1)
    assert column(source, "past")[0].tolist() == [[0, 0, 0], [10, 1, 100]]
    assert column(source, "future")[0].tolist() == [[30, 3]]
    assert column(source, "known")[0].tolist() == [[3000]]
    assert {name: field.shape for name, field in source.fields.items()} == {
        "past": (2, 3), "future": (1, 2), "known": (1, 1),
    }  # fmt: skip
    assert {array.dtype.name for array in map(source.arrays("train").get, source.fields)} == {"float32"}  # type: ignore[union-attr,misc]


def test_channels_by_a_pattern(tmp_path: Path) -> None:
    text = "t,y,s_1,s_2\n" + "".join(f"{i},{i},{i},{2 * i}\n" for i in range(5))
    assert column(opened(tmp_path, text, covariates="s_*"), "past")[1].tolist() == [[1, 1, 2], [2, 2, 4]]


INTERLEAVED = "t,y,shop,town\n" + "".join(
    f"{i},{value},{shop},{town}\n"
    for i in range(4)
    for value, shop, town in ((i, "a", "x"), (10 + i, "b", "x"), (20 + i, "a", "y"))
)


def test_interleaved_series_of_two_columns(tmp_path: Path) -> None:
    source = opened(tmp_path, INTERLEAVED, group=["shop", "town"])
    expected = [[0, 1, 2], [1, 2, 3], [10, 11, 12], [11, 12, 13], [20, 21, 22], [21, 22, 23]]
    found = np.concatenate([column(source, "past"), column(source, "future")], axis=1)
    assert found[:, :, 0].tolist() == expected
    assert source.place is not None
    assert source.place("train", 3) == "a.csv:6 to 12 (b, x)"


def test_base_rows_say_what_overlaps(tmp_path: Path) -> None:
    source = opened(tmp_path, INTERLEAVED, group=["shop", "town"])
    assert source.base is not None
    base = source.base("train")
    assert (source.span, base.span, base.ahead) == (3, 3, 1)
    assert base.first.tolist() == [0, 1, 4, 5, 8, 9]
    assert base.series.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert base.names == ("a, x", "b, x", "a, y")
    assert base.times.tolist() == [0, 1, 2, 3] * 3
    assert base.values["future"][:, 0].tolist() == [*range(4), *range(10, 14), *range(20, 24)]


def test_parquet_with_its_own_types(tmp_path: Path) -> None:
    days = pa.array(np.arange("2024-01-01", "2024-01-06", dtype="datetime64[D]"))
    pq.write_table(pa.table({"t": days, "y": pa.array([1, 2, 3, 4, 5])}), tmp_path / "a.parquet")
    given = {"path": str(tmp_path / "a.parquet"), "time": "t", "targets": "y", "past": 2, "horizon": 1}
    source = TimeseriesSource.model_validate({"kind": "timeseries", **given}).open()
    assert column(source, "future").ravel().tolist() == [3, 4, 5]
    assert source.base is not None
    assert source.base("train").season == 7


def test_the_fingerprint_changes_with_the_file_and_with_what_is_read_of_it(tmp_path: Path) -> None:
    text = table(range(6))
    found = [opened(tmp_path, text).fingerprint, opened(tmp_path, text, past=3).fingerprint]
    found.append(opened(tmp_path, text + "6,6\n").fingerprint)
    assert len(set(found)) == 3


# Timestamps.


@pytest.mark.parametrize(
    ("times", "season"),
    [
        (["1949-01", "1949-02", "1949-03"], 12),
        (["2020-01-31", "2020-02-29", "2020-03-31"], 12),
        (["2020-01-01", "2020-04-01", "2020-07-01"], 4),
        (["2020-02-28", "2020-02-29", "2020-03-01"], 7),
        (["20200228", "20200229", "20200301"], 7),
        (["12/02/2020", "13/02/2020", "14/02/2020"], 7),
        (["02/12/2020", "02/13/2020", "02/14/2020"], 7),
        (["2020-01-01", "2020-01-08", "2020-01-15"], 52),
        (["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00"], 24),
        (["2020-01-01T00:00:00.5Z", "2020-01-01T00:15:00.5Z", "2020-01-01T01:30:00.5+01:00"], 96),
        (["2020-01-01 00:00:00+02", "2020-01-01 00:30:00+02", "2020-01-01 00:00:00+01"], 48),
        (["1", "2", "3"], 1),
        (["2000", "2010", "2020"], 1),
    ],
)
def test_dates_are_read_and_give_the_season(times: list[str], season: int, tmp_path: Path) -> None:
    source = opened(tmp_path, table(times))
    assert source.base is not None
    assert source.base("train").season == season


@pytest.mark.parametrize(
    ("times", "code", "says"),
    [
        (["2020-01-01", "2020-01-02", "03/01/2020"], "time-format", ["a.csv:4", "`03/01/2020`", "year-month-day"]),
        (["2020-02-28", "2020-02-30", "2020-03-01"], "time-format", ["a.csv:3", "`2020-02-30`"]),
        (["1", "2", "soon"], "time-format", ["a.csv:4", "`soon`", "whole numbers"]),
        (["2020-01-01 00:00Z", "2020-01-01 01:00", "2020-01-01 02:00Z"], "time-format", ["a.csv:3", "zone", "00:00Z"]),
        (["1", "", "3"], "time-format", ["a.csv:3: column `t` is empty"]),
        (["now", "soon", "later"], "time-format", ["a.csv:2", "`now`"]),
        (["3", "2", "1"], "time-order", ["a.csv:3", "2 such rows", "`group:`"]),
        (["1", "2", "2"], "time-doubled", ["a.csv:4", "a.csv:3"]),
        (["2020-01-01", "2020-02-01", "2020-02-01"], "time-doubled", ["a.csv:4", "2020-02-01"]),
        (["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04 06:00"], "time-irregular", ["a.csv:5", "1 day"]),
        (["2020-01-01", "2020-01-02", "2020-01-05"], "time-missing", ["a.csv:4", "2 steps of 1 day", "2020-01-05"]),
        (["2020-01", "2020-02", "2020-03", "2020-07"], "time-missing", ["a.csv:5", "3 steps of 1 month"]),
        (["1", "2"], "series-too-short", ["2 steps", "window of 3"]),
    ],
)
def test_timestamps_that_are_not_in_order_are_named(
    times: list[str], code: str, says: list[str], tmp_path: Path
) -> None:
    problem = problem_of(RunError, tmp_path, table(times))
    assert problem.code == code
    assert problem.help
    assert all(words in f"{problem.message}; {problem.help}" for words in says), problem.message


def test_every_series_is_checked(tmp_path: Path) -> None:
    good = "".join(f"{i},{i},{name}\n" for name in range(150) for i in range(3))
    for bad, code in (("0,0,last\n0,0,last\n", "time-doubled"), ("0,0,last\n2,0,last\n", "time-missing")):
        problem = problem_of(RunError, tmp_path, "t,y,g\n" + good + bad, group="g")
        assert problem.code == code
        assert "(last)" in problem.message


def test_dates_that_can_be_read_in_two_ways_are_not_guessed(tmp_path: Path) -> None:
    text = table(["01/02/2020", "02/02/2020", "03/02/2020"])
    problem = problem_of(ConfigError, tmp_path, text)
    assert problem.code == "time-format"
    for format, first in (("%d/%m/%Y", "2020-02-01"), ("%m/%d/%Y", "2020-01-02")):
        assert f'`time_format: "{format}"`' in problem.help
        base = opened(tmp_path, text, time_format=format).base
        assert base is not None
        assert str(base("train").times[0]).startswith(first)
    problem = problem_of(RunError, tmp_path, text, time_format="%Y-%m-%d")
    assert (problem.code, problem.key) == ("time-format", ("data", "source", "time_format"))


def test_rows_in_another_order_are_sorted_where_that_is_asked_for(tmp_path: Path) -> None:
    source = opened(tmp_path, table([4, 3, 2, 1], [40, 30, 20, 10]), sort=True)
    assert column(source, "past")[:, :, 0].tolist() == [[10, 20], [20, 30]]
    assert source.place is not None
    assert source.place("train", 0) == "a.csv:3 to 5"


def test_without_time_each_row_is_a_step(tmp_path: Path) -> None:
    source = opened(tmp_path, table(["x", "x", "y"]), time=None)
    assert column(source, "future").ravel().tolist() == [2]


@pytest.mark.parametrize(
    ("fill", "values"), [("forward", [1, 1, 1, 7, 7]), ("linear", [1, 3, 5, 7, 7]), ("zero", [1, 0, 0, 7, 7])]
)
def test_missing_steps_are_filled_in_where_that_is_asked_for(fill: str, values: list[int], tmp_path: Path) -> None:
    text = table(["2020-01", "2020-03", "2020-04", "2020-05"], [1, "", 7, 7])
    source = opened(tmp_path, text, fill=fill)
    assert source.base is not None
    base = source.base("train")
    assert base.values["past"][:, 0].tolist() == values
    assert base.times.astype("datetime64[M]").astype(str).tolist() == [f"2020-0{i}" for i in range(1, 6)]
    assert source.notes == (f"a.csv: filled in 1 missing step and 1 empty cell in 1 of 1 series ({fill})",)


@pytest.mark.parametrize(("fill", "values"), [("forward", ["", 1, 2]), ("linear", ["", 1, 2]), ("linear", [1, 2, ""])])
def test_what_a_fill_cannot_know_is_refused(fill: str, values: list[Any], tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, table(range(3), values), fill=fill)
    assert (problem.code, problem.key) == ("not-finite", ("data", "source", "fill"))


# Cells and columns.


@pytest.mark.parametrize(
    ("cell", "code"),
    [("x", "field-type"), ("inf", "field-type"), ("1e60", "field-type"), ("", "not-finite"), ("nan", "not-finite")],
)
def test_a_cell_that_is_no_number_is_named(cell: str, code: str, tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, table(range(4), [1, 2, cell, 4]))
    assert problem.code == code
    assert "a.csv:4" in problem.message
    assert "column `y`" in problem.message


def test_series_that_are_too_short_are_named_or_left_out(tmp_path: Path) -> None:
    text = "t,y,g\n" + "".join(f"{i},{i},{g}\n" for g, n in (("a", 2), ("b", 3), ("c", 1)) for i in range(n))
    problem = problem_of(RunError, tmp_path, text, group="g")
    assert problem.code == "series-too-short"
    assert "2 of 3 series" in problem.message
    assert "`a` (2 steps), `c` (1 step)" in problem.message
    source = opened(tmp_path, text, group="g", drop_short=True)
    assert dict(source.sizes) == {"train": 1}
    assert "left out" in source.notes[0]
    problem = problem_of(RunError, tmp_path, text, group="g", drop_short=True, past=9)
    assert "the longest of 3 series has 3 steps" in problem.message


@pytest.mark.parametrize(
    ("settings", "key", "code"),
    [
        ({"group": "g"}, "group", "unknown-column"),
        ({"targets": ["y", "z*"]}, "targets", "unknown-column"),
        ({"time": "when"}, "time", "unknown-column"),
        ({"path": "nowhere.csv"}, "path", "missing-file"),
    ],
)
def test_what_is_not_there_is_named_at_its_setting(
    settings: dict[str, Any], key: str, code: str, tmp_path: Path
) -> None:
    problem = problem_of(ConfigError, tmp_path, table(range(4)), **settings)
    assert (problem.code, problem.key) == (code, ("data", "source", key))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no-rows"),
        ("t,y\n", "no-rows"),
        ("t,y,y\n1,2,3\n", "duplicate-column"),
        ("t,y\n1,2\n3\n", "ragged-row"),
    ],
)
def test_a_file_that_is_no_table_is_named(text: str, code: str, tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, text)
    assert problem.code == code
    assert "a.csv" in problem.message


def test_a_row_without_the_name_of_its_series(tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, "t,y,g\n1,1,a\n2,1,\n", group="g")
    assert problem.code == "series-unnamed"
    assert "a.csv:3" in problem.message


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"path": "a.csv", "bundled": "airline"}, ("path",)),
        ({}, ()),
        ({"path": "a.csv", "known": ["y"]}, ("known",)),
        ({"path": "a.csv", "covariates": ["y"]}, ("covariates",)),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, Any], key: tuple[str, ...]) -> None:
    source = {"kind": "timeseries", "targets": "y", "past": 2, "horizon": 1, **settings}
    data = {"source": source, "inputs": {"past": {"kind": "sequence"}}, "targets": {"future": {"kind": "number"}}}
    with pytest.raises(ConfigError) as refused:
        from_mapping({"name": "t", "data": data, "model": {"builder": "mlp"}})
    assert [(p.code, p.key) for p in refused.value.problems] == [("contradiction", ("data", "source", *key))]
