"""`fill_missing`: a number in the place of NaN, in ops that the saved model has too."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.lazy import lazy
from dlkit.schema.base import Finite
from dlkit.schema.features import Encoding
from dlkit.schema.fitted import Fitted, Size, State
from dlkit.schema.step import StepSettings

np, ops = lazy("numpy"), lazy("keras.ops")


class Filling(Fitted):
    """What stands for every value of an example, and how many of how many training rows missed one."""

    values: list[float]
    shape: list[Size]
    rows: int
    missing: int
    empty: int


class FillMissing(StepSettings):
    """Put a number in the place of NaN: for each column that of the training rows, or a constant."""

    also_called = "impute, imputer, fillna, fill_na, simple_imputer"
    fitted = True
    fills_missing = True
    state_type = Filling
    word = "value"

    step: Literal["fill_missing"]
    value: Literal["mean", "median", "most_frequent"] | Finite = Field(
        "median", description="What each column is filled with: a statistic of its training rows, or a number."
    )
    indicator: bool = Field(False, description="Add columns that are 1 where a value was missing, and 0 elsewhere.")

    def fit(self, batches: Iterable[Any]) -> State:
        """The filling of every value of an example; of a column without any number it is 0."""
        rows = np.concatenate([np.asarray(batch, np.float64) for batch in batches])
        flat = rows.reshape(len(rows), -1)
        empty = np.isnan(flat).all(axis=0)
        if isinstance(self.value, str):
            fit = _FITS[self.value]
            values = [0.0 if empty[n] else fit(x[~np.isnan(x)]) for n, x in enumerate(flat.T)]
        else:
            values = [float(self.value)] * flat.shape[1]
        missing = int(np.isnan(flat).any(axis=1).sum())
        return {
            "values": values,
            "shape": list(rows.shape[1:]),
            "rows": len(flat),
            "missing": missing,
            "empty": int(empty.sum()),
        }

    def check_state(self, state: Any) -> None:
        """As many values as an example has."""
        super().check_state(state)
        if len(state["values"]) != math.prod(state["shape"]):
            raise ValueError(
                f"`fill_missing` has {count(len(state['values']), 'value')} for the shape {state['shape']}"
            )

    def notes(self, state: State) -> list[str]:
        """How many rows had holes, and columns that hold nothing else."""
        notes = []
        if state["missing"]:
            notes.append(f"`fill_missing`: {state['missing']:,} of {state['rows']:,} training rows miss a value")
        if state["empty"]:
            notes.append(f"`fill_missing`: no training row has a value in {count(state['empty'], 'column')}")
        return notes

    def encoding(self, before: Encoding) -> Encoding:
        """Twice as many columns where there are indicators."""
        shape = before.shape or (1,)
        doubled = (*shape[:-1], None if shape[-1] is None else 2 * shape[-1])
        return replace(before, dtype="float32", shape=doubled if self.indicator else before.shape)

    def layer(self, state: State | None) -> Any:
        """A function of Keras ops."""
        values: Any = 0.0
        if state is not None:
            values = np.array(state["values"], np.float32).reshape(state["shape"])
        return FillLayer(values, indicator=self.indicator)


class FillLayer:
    """NaN replaced, in Keras ops; with the indicators behind the values where they are asked for."""

    def __init__(self, values: Any, *, indicator: bool) -> None:
        self.values, self.indicator = values, indicator

    def __call__(self, x: Any) -> Any:
        """Float, shape (batch, ..., columns) or, with indicators, (batch, ..., 2 * columns)."""
        missing = ops.isnan(x)
        filled = ops.where(missing, self.values, x)
        if not self.indicator:
            return filled
        if len(x.shape) == 1:
            missing, filled = ops.expand_dims(missing, -1), ops.expand_dims(filled, -1)
        return ops.concatenate([filled, ops.cast(missing, "float32")], axis=-1)


def _most_frequent(values: Any) -> float:
    """The value that occurs most often; the smallest of several."""
    found, times = np.unique(values, return_counts=True)
    return float(found[np.argmax(times)])


_FITS = {
    "mean": lambda values: float(values.mean()),
    "median": lambda values: float(np.median(values)),
    "most_frequent": _most_frequent,
}
