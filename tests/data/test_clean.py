"""Cleaning leaves out what it is asked to, counts it, and says which rows; without it, the first bad row stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import ConfigError, DlkitError, RunError
from dlkit.data.contract import Splits
from dlkit.data.load import load_splits
from dlkit.schema.loader import from_mapping

AGE = np.array([1, 2, np.nan, 4, 5, 6, 200, 8, 1, 10], np.float64)
JOB = np.array(["a", "b", "a", "", "b", "a", "b", "a", "a", "b"], object)
LABEL = np.array(["x", "y"] * 4 + ["x", "y"], object)


def load(clean: dict[str, Any] | None, test: dict[str, Any] | None = None, **settings: Any) -> Splits:
    """Ten training rows with a hole each in both columns, an outlier and a duplicate; and those of a test."""
    inputs = {"age": {"kind": "number", **settings}, "job": {"kind": "category"}}
    section = {"inputs": inputs, "targets": {"y": {"kind": "category"}}, **({"clean": clean} if clean else {})}
    mapping = {"name": "t", "data": section, "model": {"builder": "mlp"}}
    given = {"train": {"age": AGE, "job": JOB, "y": LABEL}}
    return load_splits(
        from_mapping(mapping, needs_source=False).config.data, given=given | ({"test": test} if test else {})
    )


def ages(splits: Splits) -> list[float]:
    """The training rows that are left, by their age."""
    return [round(float(age), 3) for age in splits.train.held.inputs["age"].reshape(-1)]  # type: ignore[union-attr]


def test_without_cleaning_the_first_bad_row_stops_the_run() -> None:
    with pytest.raises(RunError, match="row 2 of `train`"):
        load(None)


def test_rows_with_a_missing_value_are_left_out_and_named() -> None:
    splits = load({"drop": ["missing"]})
    assert ages(splits) == [1, 2, 5, 6, 200, 8, 1, 10]
    assert {(one.why, one.rows) for one in splits.dropped} == {
        ("`age` is missing", ("row 2 of `train`",)),
        ("`job` is missing", ("row 3 of `train`",)),
    }
    assert "train: 1 row is left out: `age` is missing; the first is row 2 of `train`" in splits.notes


def test_what_a_step_fills_in_is_not_missing() -> None:
    splits = load({"drop": ["missing"]}, preprocess=["fill_missing"])
    assert len(ages(splits)) == 9
    assert [one.why for one in splits.dropped] == ["`job` is missing"]


def test_values_outside_of_a_range_are_left_out_and_holes_are_not_outside() -> None:
    splits = load({"ranges": {"age": [0, 120]}}, preprocess=["fill_missing"])
    assert 200 not in ages(splits)
    assert len(ages(splits)) == 9
    (one,) = splits.dropped
    assert (one.why, one.count, one.rows) == ("`age` is outside of 0 to 120", 1, ("row 6 of `train`",))
    assert load({"ranges": {"age": [None, 120]}}, preprocess=["fill_missing"]).dropped[0].why.endswith("up to 120")


def test_one_of_several_columns_has_a_range_of_its_own_and_is_named_where_it_is_missing() -> None:
    mapping = {
        "name": "t",
        "data": {
            "clean": {"drop": ["missing"], "ranges": {"age": [0, 120]}},
            "inputs": {"numbers": {"kind": "number", "columns": ["age", "income"]}},
            "targets": {"label": {"kind": "category", "column": "y"}},
        },
        "model": {"builder": "mlp"},
    }
    rows = {"age": AGE, "income": np.full(10, 5000.0), "y": LABEL}
    splits = load_splits(from_mapping(mapping, needs_source=False).config.data, given={"train": rows})
    assert [(one.why, one.rows) for one in splits.dropped] == [
        ("`age` is missing", ("row 2 of `train`",)),
        ("`age` is outside of 0 to 120", ("row 6 of `train`",)),
    ]


@pytest.mark.parametrize("text", [object, "U7"])
def test_duplicates_are_left_out_also_where_another_split_has_the_row(text: Any) -> None:
    test = {"age": np.array([10.0, 10.0, 77.0]), "job": np.array(["b", "b", "a"], text), "y": LABEL[[1, 1, 0]]}
    splits = load({"drop": ["missing", "duplicates"]}, test)
    assert splits.test is not None and splits.test.size == 2
    # The second row of age 1, and the one that the test has.
    assert ages(splits) == [1, 2, 5, 6, 200, 8]
    counts = {(one.split, one.why): one.count for one in splits.dropped if "already" in one.why}
    assert counts == {("test", "the same row is there already"): 1, ("train", "the same row is there already"): 2}


def test_labels_that_no_training_row_has_are_left_out() -> None:
    test = {"age": np.ones(3), "job": np.array(["b", "b", "a"], object), "y": np.array(["x", "z", "y"], object)}
    with pytest.raises(RunError, match="the label `z`"):
        load({"drop": ["missing"]}, test)
    splits = load({"drop": ["missing", "unknown_labels"]}, test)
    assert splits.test is not None and splits.test.size == 2
    assert ("test", "no training row has this label of `y`") in {(one.split, one.why) for one in splits.dropped}


@pytest.mark.parametrize(
    ("clean", "error", "says"),
    [
        ({"drop": ["missing"], "ranges": {"age": [500, None]}}, RunError, "train: no rows are left after cleaning"),
        ({"ranges": {"agee": [0, 1]}}, ConfigError, "there is no input or target `agee`"),
        ({"ranges": {"job": [0, 1]}}, ConfigError, "which has no range"),
        ({"ranges": {"age": [0, 1, 2]}}, ConfigError, "age"),
        ({"drop": ["mising"]}, ConfigError, "missing"),
    ],
)
def test_what_cannot_be_meant_is_refused(clean: dict[str, Any], error: type[DlkitError], says: str) -> None:
    with pytest.raises(error, match=says):
        load(clean)
