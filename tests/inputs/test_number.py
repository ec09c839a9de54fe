"""`kind: number`: what is fitted for builders, and what is said of numbers that float32 does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import RunError
from dlkit.data.load import load_splits
from dlkit.schema.loader import from_mapping


def load(columns: dict[str, np.ndarray], test: dict[str, np.ndarray] | None = None, **settings: Any) -> Any:
    """The splits of one input of several columns."""
    inputs = {"x": {"kind": "number", "columns": list(columns), **settings}}
    data = {"inputs": inputs, "targets": {"y": {"kind": "binary"}}}
    config = from_mapping({"name": "t", "data": data, "model": {"builder": "mlp"}}, needs_source=False).config
    rows = len(next(iter(columns.values())))
    given = {"train": {**columns, "y": np.arange(rows) % 2}}
    if test is not None:
        given["test"] = {**test, "y": np.arange(len(next(iter(test.values())))) % 2}
    return load_splits(config.data, given=given)


@pytest.mark.parametrize(("rows", "edges"), [(9_999, 17), (10_000, 49)])
def test_quantiles_of_every_column_are_fitted_for_builders(rows: int, edges: int) -> None:
    values = np.random.default_rng(0).normal(size=rows)
    state = load({"a": values}).spec.inputs["x"].state
    (found,) = state["quantiles"]
    assert state["rows"] == rows
    np.testing.assert_allclose(found, np.quantile(values.astype("float32"), np.linspace(0, 1, edges)), atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_infinity_is_refused_and_numpy_says_nothing_of_it() -> None:
    with pytest.raises(RunError, match=r"the first is row 7 of `train` \(inf\)"):
        load({"a": np.where(np.arange(40) == 7, np.inf, np.arange(40))})


def test_ids_that_float32_rounds_are_named_with_what_to_do() -> None:
    ids = 2**24 + np.arange(40)
    small = np.arange(40)
    powers = np.full(40, 2.0**30)
    fractions = ids + 0.5
    notes = load({"small": small, "id": ids, "power": powers, "part": fractions, "float_id": ids * 1.0}).notes
    (note,) = [note for note in notes if "float32" in note]
    assert "above 16,777,216 in `id`, `float_id` are rounded" in note and "kind: category" in note


def test_numbers_that_float32_holds_are_no_reason_for_a_line() -> None:
    assert not any("float32" in note for note in load({"a": np.arange(40), "b": np.full(40, 2**24)}).notes)


def test_gaps_where_training_has_whole_numbers_are_filled_in_and_counted() -> None:
    whole, gaps = np.arange(40), np.array([1.5, np.nan, 3.0, np.nan])
    train, test = {"age": whole, "size": whole}, {"age": gaps, "size": np.arange(4)}
    notes = load(train, test, preprocess=["fill_missing", "normalize"]).notes
    assert "test: 2 of 4 rows miss a value that is filled in: `age` in 2" in notes
    with pytest.raises(RunError, match="row 1 of `test`") as refused:
        load(train, test)
    assert "`fill_missing`" in refused.value.problems[0].help
