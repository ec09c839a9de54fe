"""Values that cannot be used: what is wrong, in which column and row, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import DlkitError, Problem
from dlkit.data.contract import Splits
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.schema.input import INPUTS

ROWS = 40
RANDOM = np.random.default_rng(0)
LABELS = np.arange(ROWS) % 2
WORDS = np.array(["a", "b"] * (ROWS // 2))
PADDED = RANDOM.normal(size=(ROWS, 6))
PADDED[::2, 4:] = np.nan
WHOLE = np.abs(np.nan_to_num(PADDED))
UNEVEN = [RANDOM.normal(size=2 + n % 4) for n in range(ROWS)]


def changed(values: np.ndarray, place: Any, value: Any) -> np.ndarray:
    """A copy with another value there."""
    copy = values.copy()
    copy[place] = value
    return copy


def load(kind: str, train: Any, test: Any = None, labels: tuple[Any, Any] = (LABELS, LABELS), **more: Any) -> Splits:
    """Data given in Python, for an input of this kind."""
    inputs, targets = {"x": {"kind": kind, **more}}, {"y": {"kind": "category"}}
    given = {"train": (train, labels[0]), "test": (train if test is None else test, labels[1])}
    return load_splits(Data.model_validate({"inputs": inputs, "targets": targets}), given=given)


def problem_of(*args: Any, **more: Any) -> Problem:
    """The only mistake of such data."""
    with pytest.raises(DlkitError) as refused:
        load(*args, **more)
    (problem,) = refused.value.problems
    return problem


@pytest.mark.parametrize(
    ("kind", "train", "test", "code", "says"),
    [
        ("category", changed(WORDS.astype(object), 7, 3), None, "mixed-types", "row 7 of `train` holds 3 (int)"),
        ("category", ["a", 1] * 20, None, "mixed-types", "row 1 of `train` holds 1 (int) among text"),
        ("category", changed(WORDS.astype(object), 7, None), None, "mixed-types", "row 7 of `train` holds None"),
        ("category", WORDS, LABELS, "mixed-types", "test: column `x`: it holds int64, and training has text"),
        ("category", LABELS, WORDS, "mixed-types", "test: column `x`: it holds text, not numbers"),
        ("number", LABELS, WORDS, "mixed-types", "test: column `x`: it holds text, not numbers"),
        ("number", changed(WORDS.astype(object), 7, 3), None, "field-type", "holds text and numbers"),
        ("sequence", WHOLE, WHOLE.astype(str), "mixed-types", "test: column `x`: it holds text, not numbers"),
        ("sequence", changed(PADDED, (3, 2), np.nan), None, "nan-inside", "row 3 of `train` has NaN at step 2"),
        ("sequence", changed(PADDED, 5, np.nan), None, "empty-sequence", "row 5 of `train` is a sequence of padding"),
        ("sequence", PADDED, changed(PADDED, (3, 2), np.nan), "nan-inside", "row 3 of `test` has NaN at step 2"),
        ("sequence", PADDED, changed(PADDED, 5, np.nan), "empty-sequence", "row 5 of `test` is a sequence of padding"),
        ("sequence", WHOLE, PADDED, "not-finite", "the first is row 0 of `test` (nan)"),
    ],
)
def test_values_are_refused_by_their_column_and_row(kind: str, train: Any, test: Any, code: str, says: str) -> None:
    problem = problem_of(kind, train, test)
    assert (problem.code, problem.key) == (code, ("data", "inputs", "x"))
    assert says in problem.message
    assert problem.help


def test_padding_that_training_rows_do_not_have_is_asked_about() -> None:
    assert "state `length:`" in problem_of("sequence", WHOLE, PADDED).help
    assert load("sequence", WHOLE, PADDED, length=6).test is not None


@pytest.mark.parametrize("kind", INPUTS.own_names)
@pytest.mark.parametrize("lists", [False, True])
def test_rows_of_unequal_lengths_are_taken_by_kinds_that_say_so(kind: str, lists: bool) -> None:
    rows = [row.tolist() for row in UNEVEN] if lists else UNEVEN
    if INPUTS[kind].takes_ragged:
        assert load(kind, rows).spec.inputs["x"].feature.ragged
        return
    problem = problem_of(kind, rows)
    assert (problem.code, problem.key) == ("shape-mismatch", ("data", "inputs", "x"))
    assert "differ in length" in problem.message
    assert "`kind: sequence`" in problem.help


def test_labels_of_unequal_lengths_are_refused() -> None:
    problem = problem_of("number", LABELS, labels=(UNEVEN, UNEVEN))
    assert (problem.code, problem.key) == ("shape-mismatch", ("data", "targets", "y"))


@pytest.mark.parametrize("rows", [[["a"], ["b", "c"]], [[[1.0, 2.0]], [[1.0]]], [[1.0], 2.0]])
def test_rows_that_no_array_holds_are_named(rows: Any) -> None:
    problem = problem_of("sequence", rows * (ROWS // 2))
    assert problem.code == "given-data"
    assert "`x` of split `train` has rows that differ in length" in problem.message


@pytest.mark.parametrize("kind", ["category", "binary", "multi_label"])
def test_a_label_that_no_training_row_has_is_named(kind: str) -> None:
    targets = {"y": {"kind": kind}}
    given = {"train": (LABELS, WORDS), "test": (LABELS, changed(WORDS, 9, "c"))}
    data = Data.model_validate({"inputs": {"x": {"kind": "number"}}, "targets": targets})
    with pytest.raises(DlkitError) as refused:
        load_splits(data, given=given)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("unknown-label", ("data", "targets", "y"))
    assert "row 9 of `test`" in problem.message
    assert "`c`" in problem.message


def test_a_category_that_is_new_is_unknown_counted_and_said() -> None:
    (note,) = load("category", WORDS, changed(changed(WORDS, 9, "c"), 11, "d")).notes
    assert "test: 2 of 40 rows have a value of `x` that training does not know, such as `c`" in note


@pytest.mark.parametrize(
    "values",
    [
        np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]"),
        LABELS * 1j,
        np.zeros(ROWS, [("a", "i4"), ("b", "f4")]),
    ],
    ids=["dates", "complex", "records"],
)
@pytest.mark.parametrize("where", ["input", "one of several", "target", "weights"])
def test_a_column_that_is_neither_numbers_nor_text_is_named(where: str, values: np.ndarray) -> None:
    columns = {"x": WHOLE, "y": LABELS, "w": np.ones(ROWS), "odd": values}
    x: dict[str, Any] = {"kind": "number", **({"column": "odd"} if where == "input" else {})}
    x |= {"columns": ["x", "odd"]} if where == "one of several" else {}
    y = {"kind": "category", **({"column": "odd"} if where == "target" else {})}
    data = {"inputs": {"x": x}, "targets": {"y": y}, "weights": "odd" if where == "weights" else "w"}
    given = {"train": ({"x": columns["x"]}, {n: v for n, v in columns.items() if n != "x"})}
    with pytest.raises(DlkitError) as refused:
        load_splits(Data.model_validate(data), given=given)
    (problem,) = refused.value.problems
    assert problem.code == "field-type"
    assert "`odd` holds" in problem.message
    assert problem.key[-1] in ("column", "weights", 1)


def test_a_category_of_two_columns_of_text_is_refused() -> None:
    with pytest.raises(DlkitError, match="labels have 2 columns of text"):
        load("number", WHOLE, labels=(np.stack([WORDS, WORDS], axis=1),) * 2)


@pytest.mark.parametrize(
    ("kind", "bad", "says"),
    [
        ("number", changed(WHOLE[:, 0] * 1.0, 3, np.nan), "row 3 of `train` (nan in `b`)"),
        ("category", changed(LABELS * 1.0, 3, 1.5), "row 3 of `train` holds 1.5 in `b`, no whole number"),
        (
            "category",
            changed(WORDS.astype(object), 3, None),
            "row 3 of `train` holds None (NoneType) among text in `b`",
        ),
    ],
)
def test_of_several_columns_the_one_with_the_bad_value_is_named(kind: str, bad: np.ndarray, says: str) -> None:
    good = WORDS if bad.dtype == object else LABELS * 1.0
    data = {"inputs": {"x": {"kind": kind, "columns": ["a", "b"]}}, "targets": {"y": {"kind": "binary"}}}
    with pytest.raises(DlkitError) as refused:
        load_splits(Data.model_validate(data), given={"train": {"a": good, "b": bad, "y": LABELS % 2}})
    assert says in refused.value.problems[0].message


def test_of_several_columns_of_classes_the_one_with_another_number_is_named() -> None:
    target = {"kind": "multi_label", "columns": ["a", "b"]}
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target}}
    columns = {"x": LABELS, "a": LABELS % 2, "b": changed(LABELS % 2, 3, 7)}
    with pytest.raises(DlkitError, match="row 3 of `train` holds 7 in `b`, neither 0 nor 1"):
        load_splits(Data.model_validate(data), given={"train": columns})
