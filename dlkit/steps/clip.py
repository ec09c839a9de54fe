"""`clip`: values beyond two bounds become the bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dlkit.config.problems import Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.base import Finite
from dlkit.schema.fitted import Fitted, State
from dlkit.schema.step import StepSettings
from dlkit.steps import _columns

if TYPE_CHECKING:
    from dlkit.schema import Config

np, ops = lazy("numpy"), lazy("keras.ops")


class Bounds(Fitted):
    """The bounds of each column, one number where all have the same, None for none; and values beyond them."""

    low: float | list[float] | None
    high: float | list[float] | None
    clipped: int
    values: int


class Clip(StepSettings):
    """Cut values off at stated bounds, or each column at two quantiles of its training rows."""

    also_called = "clamp, winsorize, outliers, clip_values"
    fitted = True
    state_type = Bounds

    step: Literal["clip"]
    low: Finite | None = Field(None, description="Smallest value that stays; null for no lower bound.")
    high: Finite | None = Field(None, description="Largest value that stays; null for no upper bound.")
    quantiles: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Shares of the training rows below the two bounds, such as `[0.01, 0.99]`."
    )

    def rules(self, key: Key, config: Config) -> Iterator[Problem]:
        """Either bounds or quantiles, in order."""
        stated, key = self.low is not None or self.high is not None, (*key, self.step)
        if stated and self.quantiles is not None:
            message = "bounds are either numbers or quantiles of the training rows"
            yield Problem("contradiction", message, (*key, "quantiles"), label="remove these, or `low` and `high`")
        elif not stated and self.quantiles is None:
            message = "`clip` has no bounds"
            yield Problem("missing-key", message, key, help="state `low`, `high` or both, or `quantiles: [0.01, 0.99]`")
        if self.low is not None and self.high is not None and self.low >= self.high:
            yield Problem("contradiction", "`low` is not below `high`", (*key, "high"), label=f"`low` is {self.low:g}")
        if self.quantiles is not None and self.quantiles[0] >= self.quantiles[1]:
            message = "the first of `quantiles` is not below the second"
            yield Problem("contradiction", message, (*key, "quantiles"), label="write the lower one first")

    def fit(self, batches: Iterable[Any]) -> State:
        """The bounds, and how many values of the training rows lie beyond them."""
        low: Any = self.low
        high: Any = self.high
        if self.quantiles is not None:
            rows = _columns.sampled(batches)
            _columns.refuse_empty(np.isnan(rows).all(axis=0))
            low, high = np.nanquantile(rows, self.quantiles, axis=0)
            batches = [rows]
        clipped = values = 0
        for batch in batches:
            rows = _columns.columns(batch)
            values += int((~np.isnan(rows)).sum())
            clipped += int((rows < low).sum()) if low is not None else 0
            clipped += int((rows > high).sum()) if high is not None else 0
        low, high = (None if bound is None else np.asarray(bound).tolist() for bound in (low, high))
        return {"low": low, "high": high, "clipped": clipped, "values": values}

    def check_state(self, state: Any) -> None:
        """Bounds in order, as many below as above."""
        super().check_state(state)
        if state["low"] is not None and state["high"] is not None:
            low, high = np.atleast_1d(state["low"]), np.atleast_1d(state["high"])
            _columns.same_length(self.step, low.tolist(), high.tolist())
            if (low > high).any():
                raise ValueError("`clip` has a lower bound above the upper one")

    def notes(self, state: State) -> list[str]:
        """How many values are cut off."""
        if not state["clipped"]:
            return []
        return [f"`clip`: {state['clipped']:,} of {state['values']:,} training values lie beyond its bounds"]

    def value_range(self, low: float, high: float) -> tuple[float, float]:
        """Within the stated bounds."""
        bottom = -np.inf if self.low is None else self.low
        top = np.inf if self.high is None else self.high
        return float(np.clip(low, bottom, top)), float(np.clip(high, bottom, top))

    def layer(self, state: State | None) -> Any:
        """A function of Keras ops."""
        low, high = (None if state is None or state[n] is None else np.float32(state[n]) for n in ("low", "high"))

        def clipped(x: Any) -> Any:
            y = ops.cast(x, "float32")
            bounded = y if low is None else ops.maximum(y, low)
            bounded = bounded if high is None else ops.minimum(bounded, high)
            return ops.where(ops.isnan(y), y, bounded)

        return clipped
