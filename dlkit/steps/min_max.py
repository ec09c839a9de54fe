"""`min_max`: to 0 for the smallest and 1 for the largest value of the training rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.fitted import State
from dlkit.schema.step import StepSettings
from dlkit.steps import _columns

np, ops = lazy("numpy"), lazy("keras.ops")


class MinMax(StepSettings):
    """Bring each column of the training rows into 0..1; a column that never varies becomes 0."""

    also_called = "min_max_scaler, minmax, min_max_scaling, unit_range"
    fitted = True
    state_type = _columns.Ends

    step: Literal["min_max"]
    clip: bool = Field(False, description="Keep values beyond those of the training rows at 0 and 1.")

    def fit(self, batches: Iterable[Any]) -> State:
        """The smallest and the largest value of each column, over the training rows."""
        low, high = _columns.ends(batches)
        return {"low": low.tolist(), "high": high.tolist()}

    def check_state(self, state: Any) -> None:
        """Two ends for each column, in order."""
        super().check_state(state)
        _columns.same_length(self.step, state["low"], state["high"])
        if any(low > high for low, high in zip(state["low"], state["high"], strict=True)):
            raise ValueError("`min_max` has a smallest value above the largest")

    def notes(self, state: State) -> list[str]:
        """Columns that never vary."""
        return _columns.constant_note(self.step, np.array(state["low"]) == np.array(state["high"]))

    def scales(self) -> bool:
        """Always."""
        return True

    def value_range(self, low: float, high: float) -> tuple[float, float]:
        """0 to 1."""
        return 0.0, 1.0

    def layer(self, state: State | None) -> Any:
        """A function of Keras ops."""
        low, width = np.float64(0.0), np.float64(1.0)
        if state is not None:
            low = np.array(state["low"], np.float64)
            width = np.array(state["high"], np.float64) - low
        with np.errstate(divide="ignore"):
            factor = np.where(width > 0, 1 / width, 0).astype(np.float32)
        low = np.asarray(low, np.float32)

        def scaled(x: Any) -> Any:
            # The difference first: of large values, a product would lose what float32 still holds.
            y = (ops.cast(x, "float32") - low) * factor
            return ops.clip(y, 0.0, 1.0) if self.clip else y

        return scaled
