"""A split that is unlike training is found, with the column that says so; mixed rows are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.checks.tables import config, cut, real, says

CODE = "splits-differ"


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_mixed_rows_of_a_real_set_do_not_differ(name: str) -> None:
    assert not says(CODE, *real(name))


def sorted_by(column: int) -> dict[str, Any]:
    """The rows of breast_cancer in the order of a column, cut without mixing."""
    _, data = real("breast_cancer")
    x = np.concatenate([part[0]["x"] for part in data.values()])
    y = np.concatenate([part[1]["y"] for part in data.values()])
    order = np.argsort(x[:, column], kind="stable")
    return cut(x[order], y[order])


def test_rows_cut_in_the_order_of_a_column_differ_by_it() -> None:
    given, _ = real("breast_cancer")
    problems = says(CODE, given, sorted_by(9))
    assert [problem.message.split()[3] for problem in problems] == ["test", "validation"]
    assert all("`x[9]` alone does so" in problem.message for problem in problems)
    assert {(problem.key, problem.severity) for problem in problems} == {(("data", "splits"), "warning")}


def test_other_words_in_test_differ() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["a", "b", "c"])[rng.integers(0, 3, 600)]
    data = cut({"x": words, "n": rng.normal(size=600)}, rng.normal(size=600))
    data["test"][0]["x"][:] = "d"
    given = config({"x": {"kind": "category"}, "n": {"kind": "number"}}, "number")
    (problem,) = says(CODE, given, data)
    assert problem.message.startswith("a model tells test from training examples by their inputs alone: AUC 1.00")
    assert problem.message.endswith("`x` alone does so with 1.00")


def test_missing_values_in_test_alone_differ() -> None:
    rng = np.random.default_rng(0)
    data = cut(rng.normal(size=(600, 3)).astype(np.float32), rng.normal(size=600))
    data["test"][0]["x"][:, 1] = np.nan
    given = config({"x": {"kind": "number", "preprocess": ["fill_missing", "normalize"]}}, "number")
    (problem,) = says(CODE, given, data)
    assert "`x[1]` alone does so" in problem.message


def test_what_only_several_columns_say_together_is_said() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    data = cut(x, rng.normal(size=3000))
    for name, sign in (("train", 1), ("validation", 1), ("test", -1)):
        part = data[name][0]["x"]
        wrong = np.sign(part).prod(axis=1) != sign
        part[wrong, 0] *= -1
    (problem,) = says(CODE, config({"x": {"kind": "number"}}, "number"), data)
    assert problem.message.endswith("; no column does so alone")


def test_few_rows_say_nothing() -> None:
    data = cut(np.arange(100.0), np.arange(100.0))
    assert not says(CODE, config({"x": {"kind": "number"}}, "number"), data)
