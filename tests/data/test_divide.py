"""Shares of the training rows: disjoint, complete, the same in every run, and by what they are asked to be."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.config.problems import ConfigError, DlkitError
from dlkit.data.contract import Rows
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import SOURCES

SPLITS = ("train", "validation", "test")


def data(**splits: Any) -> Data:
    """Numbers whose own row number is among them, and a class."""
    section = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category"}}, "splits": splits}
    return from_mapping({"name": "t", "data": section, "model": {"builder": "mlp"}}, needs_source=False).config.data


def divided(classes: Any, others: dict[str, Any] | None = None, **splits: Any) -> dict[str, np.ndarray]:
    """The numbers of the rows in each split."""
    rows = {"x": np.arange(len(classes), dtype=np.float32)[:, None], "y": np.asarray(classes), **(others or {})}
    found = load_splits(data(**splits), given={"train": rows})
    return {
        name: split.held.inputs["x"][:, 0].astype(int) for name in SPLITS if (split := getattr(found, name)) is not None
    }


BY = [{}, {"by": "share"}, {"by": "stratified"}, {"by": "group", "column": "g"}, {"by": "time", "column": "t"},
      {"by": "hash", "column": "h"}]  # fmt: skip


@settings(max_examples=60)
@given(
    size=st.integers(60, 300), by=st.sampled_from(BY), seed=st.integers(0, 5), data=st.data(),
    validation=st.integers(15, 35), test=st.integers(15, 35),
)  # fmt: skip
def test_every_row_is_in_one_split_the_same_every_time(
    size: int, by: dict[str, Any], seed: int, data: Any, validation: int, test: int
) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 100)))
    classes = random.integers(0, 3, size)
    others = {"g": random.integers(0, 25, size), "t": random.integers(0, 500, size), "h": np.arange(size)}
    found, again = (
        divided(classes, others, validation=f"{validation}%", test=f"{test}%", seed=seed, **by) for _ in range(2)
    )
    assert sorted(np.concatenate(list(found.values())).tolist()) == list(range(size))
    for name, rows in found.items():
        assert (np.diff(rows) > 0).all(), "in the order of the source"
        np.testing.assert_array_equal(rows, again[name])
    if by.get("by") in (None, "share", "stratified"):
        assert len(found["validation"]) == pytest.approx(size * validation / 100, abs=1)
        assert len(found["test"]) == pytest.approx(size * test / 100, abs=1)


def test_classes_have_the_same_share_in_each_split_by_default() -> None:
    classes = np.sort(np.repeat([0, 1, 2], [600, 300, 100]))
    found = divided(classes, validation="10%", test="20%")
    for name, share in (("validation", 0.1), ("test", 0.2), ("train", 0.7)):
        counts = np.bincount(classes[found[name]])
        np.testing.assert_allclose(counts, share * np.array([600, 300, 100]), atol=1.01)


def test_groups_stay_whole() -> None:
    groups = np.repeat(np.arange(40).astype(str), 5)
    found = divided(np.arange(200) % 2, {"g": groups}, by="group", column="g", validation="20%", test="20%")
    held = {name: set(groups[rows]) for name, rows in found.items()}
    assert not held["train"] & held["test"]
    assert not held["train"] & held["validation"]
    assert not held["validation"] & held["test"]
    assert [len(found[name]) for name in SPLITS] == [pytest.approx(share, abs=10) for share in (120, 40, 40)]


@pytest.mark.parametrize(
    "times",
    [np.arange(100) * 3.5, np.arange("2020-01-01", 100, dtype="datetime64[D]").astype(str).astype(object)],
    ids=["numbers", "dates"],
)
def test_the_last_in_time_test(times: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(100)
    found = divided(np.arange(100) % 2, {"t": times[order]}, by="time", column="t", validation="10%", test="20%")
    when = np.argsort(order)
    assert sorted(found["test"].tolist()) == sorted(when[80:].tolist())
    assert sorted(found["validation"].tolist()) == sorted(when[70:80].tolist())


def test_a_hash_keeps_rows_where_they_are_when_others_come() -> None:
    keys = np.array([f"customer {n}" for n in range(300)], object)
    few = divided(np.arange(200) % 2, {"h": keys[:200]}, by="hash", column="h", test="20%")
    many = divided(np.arange(300) % 2, {"h": keys}, by="hash", column="h", test="20%")
    assert set(few["test"]) == {row for row in many["test"] if row < 200}
    assert len(many["test"]) == pytest.approx(60, abs=25)


def test_every_row_tests_in_one_of_the_folds() -> None:
    classes = np.arange(103) % 3
    tested, validated = [], []
    for fold in range(1, 6):
        found = divided(classes, folds=5, fold=fold, validation="10%")
        tested += found["test"].tolist()
        validated.append(len(found["validation"]))
        assert sum(map(len, found.values())) == 103
    assert sorted(tested) == list(range(103))
    assert set(validated) <= {9, 10, 11}


def test_shares_are_of_the_rows_of_train_alone_and_slices_stay() -> None:
    rows = {"x": np.arange(100, dtype=np.float32)[:, None], "y": np.arange(100) % 2}
    given = {"train": rows, "test": {"x": rows["x"] + 1000, "y": rows["y"]}}
    found = load_splits(data(train="train[:50]", validation="10", test="test[:7]"), given=given)
    assert [split.size for split in (found.train, found.validation, found.test)] == [40, 10, 7]  # type: ignore[union-attr]
    assert found.train.held.inputs["x"].max() < 50  # type: ignore[union-attr]
    assert (
        "the rows of `train[:50]` are divided at random, from each class alike: 40 train, 10 validation" in found.notes
    )


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"validation": "100%"}, "takes `100%` of the training rows"),
        ({"validation": "60%", "test": "50%"}, "the shares leave no examples to train on"),
        ({"by": "group", "validation": "10%"}, "`by: group` needs the column that says it"),
        ({"by": "share"}, "`by` says how shares are taken, and there are none"),
        ({"folds": 5, "test": "10%"}, "the test examples are one of the folds"),
        ({"folds": 5, "fold": 6}, "there are 5 folds, from 1 on"),
        ({"validation": "0%"}, "takes `0%`"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_data_are_read(splits: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        data(**splits)


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"validation": "0.1%"}, "no examples are left for validation"),
        ({"by": "group", "column": "g", "test": "1%"}, r"no examples are left for test[\s\S]*there are 2 groups"),
        ({"by": "group", "column": "one", "test": "10%"}, "all rows are of one group"),
        ({"by": "group", "column": "gruop", "test": "10%"}, r"gruop[\s\S]*it has `g`, `one`, `t`, `x`, `y`"),
        ({"by": "time", "column": "t", "test": "10%"}, "row 3 of `train`: column `t` has `31/01/2024`, and others are"),
    ],
)
def test_what_the_rows_do_not_allow_is_refused(splits: dict[str, Any], says: str) -> None:
    days = np.array(["2024-01-01"] * 3 + ["31/01/2024"] + ["2024-01-02"] * 16, object)
    others = {"g": np.arange(20) % 2, "one": np.zeros(20), "t": days}
    with pytest.raises(DlkitError, match=says):
        divided(np.arange(20) % 2, others, **splits)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"])
def test_dates_of_one_format_are_put_in_order(tmp_path: Path, form: str) -> None:
    days = [datetime(2023, 12, 1) + timedelta(days=n) for n in range(100)]
    order = np.random.default_rng(0).permutation(100)
    rows = "".join(f"{n},{days[n].strftime(form)},{n % 2}\n" for n in order)
    (tmp_path / "a.csv").write_text(f"x,day,y\n{rows}")
    assert sorted(rows_that_test(tmp_path / "a.csv")) == list(range(80, 100))


def test_dates_of_parquet_are_put_in_order(tmp_path: Path) -> None:
    days = pa.array(np.arange("2024-01-01", 100, dtype="datetime64[D]")[::-1])
    pq.write_table(pa.table({"x": np.arange(100), "day": days, "y": np.arange(100) % 2}), tmp_path / "a.parquet")
    assert rows_that_test(tmp_path / "a.parquet") == list(range(20))


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (["01/02/2024", "03/04/2024"], r"such as `01/02/2024`, can be day/month/year or month/day/year"),
        (["2024-01-31", "31.01.2024"], r"a\.csv:12: column `day` has `31\.01\.2024`, and others are year-month-day"),
        (["2024-01-31", ""], r"a\.csv:12: column `day` is empty"),
    ],
)
def test_dates_that_cannot_be_put_in_order_are_named(tmp_path: Path, days: list[str], says: str) -> None:
    rows = "".join(f"{n},{day},{n % 2}\n" for n, day in enumerate([days[0]] * 10 + [days[1]] * 2))
    (tmp_path / "a.csv").write_text(f"x,day,y\n{rows}")
    with pytest.raises(DlkitError, match=says):
        rows_that_test(tmp_path / "a.csv")


def rows_that_test(path: Path) -> list[int]:
    """The rows of a table that test where the last fifth by `day` does."""
    source = SOURCES[path.suffix[1:]].model_validate({"kind": path.suffix[1:], "path": str(path)})
    found = load_splits(data(by="time", column="day", test="20%").model_copy(update={"source": source}))
    assert isinstance(found.test, Rows)
    return [int(x) for x in found.test.held.inputs["x"][:, 0]]


def windows(**splits: Any) -> Any:
    """The splits of windows over the airline passengers: 24 months to see, 12 to predict."""
    given = {"kind": "timeseries", "bundled": "airline", "time": "Date", "targets": "Passengers"}
    section = {
        "source": {**given, "past": 24, "horizon": 12},
        "inputs": {"past": {"kind": "sequence"}},
        "targets": {"future": {"kind": "forecast"}},
        "splits": splits,
    }
    return load_splits(from_mapping({"name": "t", "data": section, "model": {"builder": "mlp"}}).config.data)


def test_windows_are_divided_by_time_and_none_is_seen_in_training() -> None:
    found = windows(test="24", validation="12")
    assert [found.train.size, found.validation.size, found.test.size] == [73, 1, 13]
    (note,) = (note for note in found.notes if "divided by time" in note)
    assert note.endswith("73 train, 1 validation, 13 test; 22 that predict on both sides of a cut are left out")
    with pytest.raises(
        ConfigError, match=r"windows of training hold steps that are predicted by 11 windows of test[\s\S]*by: time"
    ):
        windows(train="train[:96]", test="train[96:]")
    assert windows(train="train[:85]", test="train[96:]").test.size == 13
    with pytest.raises(ConfigError, match="windows overlap"):
        windows(by="share", test="20%")
    with pytest.raises(ConfigError, match="leave `column` out"):
        windows(by="group", column="g", test="20%")
    with pytest.raises(ConfigError, match=r"no windows are left for t[\s\S]*there is one series, which stays whole"):
        windows(by="group", test="20%")
