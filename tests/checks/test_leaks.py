"""A column that gives the answer alone is named; the best columns of real sets are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.checks import leaks
from tests.checks.tables import config, cut, real, says

CODE = "column-gives-answer"


@pytest.mark.parametrize(
    ("name", "target"),
    [("iris", "category"), ("wine", "category"), ("breast_cancer", "binary"), ("digits", "category"),
     ("diabetes", "number")],
)  # fmt: skip
def test_the_best_column_of_a_real_set_is_no_leak(name: str, target: str) -> None:
    assert not says(CODE, *real(name, target))


def with_column(data: dict[str, Any], make: Any) -> dict[str, Any]:
    """The data with one more input, made of labels."""
    rng = np.random.default_rng(0)
    return {name: ({**x, "late": make(y["y"], rng)}, y) for name, (x, y) in data.items()}


@pytest.mark.parametrize(
    ("name", "target", "kind", "make"),
    [
        ("breast_cancer", "binary", "number", lambda y, rng: y + rng.normal(0, 0.1, len(y))),
        ("breast_cancer", "binary", "category", lambda y, rng: np.where(y, "benign", "malignant")),
        ("wine", "category", "category", lambda y, rng: np.array(["b", "c", "a"])[y]),
        ("diabetes", "number", "number", lambda y, rng: np.log(y) + rng.normal(0, 0.001, len(y))),
        ("digits", "category", "holes", lambda y, rng: np.where(rng.random(len(y)) < 0.002, np.nan, y)),
    ],
)
def test_a_column_made_from_the_target_is_named(name: str, target: str, kind: str, make: Any) -> None:
    given, data = real(name, target)
    holes = {"kind": "number", "preprocess": ["fill_missing"]}
    given["data"]["inputs"]["late"] = holes if kind == "holes" else {"kind": kind}
    (problem,) = says(CODE, given, with_column(data, make))
    assert problem.message.startswith("`late` alone predicts `y` nearly perfectly: ")
    assert (problem.key, problem.severity) == (("data", "inputs", "late"), "warning")


def test_one_of_several_columns_is_named_by_the_source() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    x = {"age": rng.normal(size=300), "refused_on": y + rng.normal(0, 0.1, 300)}
    given = config({"x": {"kind": "number", "columns": ["age", "refused_on"]}}, "binary")
    (problem,) = says(CODE, given, cut(x, y))
    assert problem.message.startswith("`refused_on` alone")


def test_chance_is_no_leak() -> None:
    """Of many columns of noise, the best looks good on few rows."""
    rng = np.random.default_rng(0)
    data = cut(rng.normal(size=(90, 60)), rng.integers(0, 2, 90))
    assert not says(CODE, config({"x": {"kind": "number"}}, "binary"), data)


def test_images_have_no_columns() -> None:
    x = np.zeros((300, 8, 8, 1), np.uint8)
    assert not says(CODE, config({"x": {"kind": "image"}}, "binary"), cut(x, np.arange(300) % 2))


def test_rows_beyond_the_limit_are_sampled_and_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MOST_VALUES", 100)
    y = np.arange(500) % 2
    (problem,) = says(CODE, config({"x": {"kind": "number"}}, "binary"), cut(y.astype(float), y))
    assert problem.message.endswith("(looking at 100 of 300 train examples)")
