"""Data frames and iterators given in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dlkit.config.problems import DlkitError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data

ROWS: dict[str, list[Any]] = {
    "age": [39, None, 50, 28],
    "job": ["clerk", "nurse", None, "clerk"],
    "flag": [True, False, True, False],
    "income": ["low", "high", "low", "high"],
    "born": ["2000-01-01"] * 4,
}


def arrow(rows: dict[str, list[Any]]) -> Any:
    return pa.table(rows)


def pandas(rows: dict[str, list[Any]]) -> Any:
    frame = pd.DataFrame(rows)
    for name, kind in {"age": "Int64", "job": "category", "income": "string"}.items():
        if name in frame:
            frame[name] = frame[name].astype(kind)
    return frame


def polars(rows: dict[str, list[Any]]) -> Any:
    return pl.DataFrame(rows)


def lazy(rows: dict[str, list[Any]]) -> Any:
    return polars(rows).lazy()


FRAMES = pytest.mark.parametrize("frame", [arrow, pandas, polars, lazy])


def settings(**changes: Any) -> Data:
    inputs = {
        "numbers": {
            "kind": "number",
            "columns": ["age", "flag"],
            "preprocess": [{"fill_missing": "mean"}, "normalize"],
        },
        "job": {"kind": "category"},
    }
    return Data.model_validate({"inputs": inputs, "targets": {"income": {"kind": "category"}}} | changes)


def problem(given: Any, data: Data | None = None) -> Any:
    with pytest.raises(DlkitError) as caught:
        load_splits(data or settings(), given=given)
    return caught.value.problems[0]


@FRAMES
def test_a_frame_alone_is_for_training(frame: Callable[[Any], Any]) -> None:
    splits = load_splits(settings(), given=frame(ROWS))
    assert splits.train.arrays is not None  # type: ignore[union-attr]
    inputs, targets, *_ = splits.train.arrays  # type: ignore[union-attr]
    np.testing.assert_equal(inputs["numbers"], np.float32([[39, 1], [np.nan, 0], [50, 1], [28, 0]]))
    assert inputs["job"][:, 0].tolist() == ["clerk", "nurse", "", "clerk"]
    assert splits.spec.targets["income"].classes == ("high", "low")
    assert targets["income"].tolist() == [1, 0, 1, 0]


@FRAMES
def test_frames_by_split_may_have_more_columns(frame: Callable[[Any], Any]) -> None:
    test = {name: values[:2] for name, values in ROWS.items() if name != "born"} | {"other": [1, 2]}
    splits = load_splits(settings(), given={"train": frame(ROWS), "test": frame(test)})
    assert dict(splits.spec.sizes) == {"train": 4, "test": 2}


@FRAMES
def test_a_frame_and_a_series(frame: Callable[[Any], Any]) -> None:
    made = frame(ROWS)
    made = made.collect() if hasattr(made, "collect") else made
    splits = load_splits(settings(), given=(made, made["income"]))
    assert splits.train.size == 4
    wide = settings(inputs={"x": {"kind": "number"}})
    numbers = frame({"a": [1, 2, 3, 4], "b": [0.5] * 4})
    splits = load_splits(wide, given=(numbers, made["income"]))
    assert splits.spec.inputs["x"].shape == (2,)


def test_a_column_that_the_frame_has_not() -> None:
    said = problem(pa.table({"agee": [1, 2], "flag": [1, 0], "job": ["a", "b"], "income": ["a", "b"]}))
    assert (said.code, said.key) == ("unknown-column", ("data", "inputs", "numbers", "columns", 0))
    assert "did you mean `agee`?" in said.help
    assert problem(pa.table({"z": [1]})).code == "unknown-column"


def test_frames_that_differ() -> None:
    said = problem({"train": pa.table(ROWS), "test": pa.table({"age": [1], "income": ["low"]})})
    assert (said.code, "fields" in said.message) == ("given-data", True)


def test_text_where_numbers_are_needed() -> None:
    said = problem(pa.table(ROWS), settings(inputs={"x": {"kind": "number", "column": "born"}}))
    assert (said.code, said.key) == ("field-type", ("data", "inputs", "x"))


def test_dates_are_refused_where_they_are_named() -> None:
    table = pa.table(ROWS).append_column("day", pa.array(["2020-01-01"] * 4).cast(pa.date32()))
    said = problem(table, settings(inputs={"x": {"kind": "number", "column": "day"}}))
    assert (said.key[-1], "holds dates" in said.message) == ("column", True)
    assert load_splits(settings(), given=table).train.size == 4
    said = problem((table.select(["age", "day"]), table["income"]), settings(inputs={"x": {"kind": "number"}}))
    assert said.message.startswith("`day` of split `train` is neither numbers nor text")


def test_a_column_of_several_types() -> None:
    frame = pd.DataFrame(ROWS | {"job": [1, "a", None, 2.5]})
    assert problem(frame).code == "mixed-types"


def test_a_single_table_of_arrow_is_no_pair() -> None:
    two = pa.table({"x": [1.5, 2.5], "y": [0, 1]})
    data = Data.model_validate({"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category"}}})
    assert load_splits(data, given=two).spec.inputs["x"].shape == (1,)


# Iterators.


PAIR = Data.model_validate({"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category"}}})


def examples(count: int) -> Iterator[Any]:
    for number in range(count):
        yield np.full(3, number), number % 2


def test_an_iterator_gives_examples() -> None:
    splits = load_splits(PAIR, given={"train": examples(6), "test": examples(2)})
    assert (splits.train.size, splits.spec.inputs["x"].shape) == (6, (3,))
    by_name = ({"x": [n, 1.0], "y": "ab"[n % 2]} for n in range(4))
    splits = load_splits(PAIR, given=by_name)
    assert splits.spec.targets["y"].classes == ("a", "b")
    mixed = (({"x": [n, 1.0]}, n % 2) for n in range(4))
    assert load_splits(PAIR, given=mixed).train.size == 4


def failing() -> Iterator[Any]:
    yield 1.0, 0
    raise ValueError("the file is gone")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (iter([]), "gives no examples"),
        (iter([1, 2]), "gives int, not single examples"),
        (iter([{"x": 1, "y": 0}, {"x": 1}]), "example 1 of split `train` is not made as the first one is"),
        (iter([({"x": 1}, 0), (1, 0)]), "example 1 of split `train` is not made as the first one is"),
        (failing(), "the iterator over split `train` failed: ValueError: the file is gone"),
    ],
)
def test_iterators_that_give_no_examples(given: Any, says: str) -> None:
    said = problem(given, PAIR)
    assert (said.code, says in said.message) == ("given-data", True)
