"""`log`: the logarithm of values that spread over several powers of ten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.base import NonNegativeFloat
from dlkit.schema.fitted import Fitted, State
from dlkit.schema.step import StepSettings, UnfitError
from dlkit.steps import _columns

np, ops = lazy("numpy"), lazy("keras.ops")


class Lowest(Fitted):
    """The smallest value of each column in the training rows."""

    low: list[float]


class Log(StepSettings):
    """The natural logarithm of `x + offset`; with the offset 1 that of log1p, which is 0 for 0.

    Negative values are refused in training, unless a larger offset brings them to 1 at least. A value below all those
    of the training rows counts as the smallest of them, so that the saved model never answers NaN.
    """

    also_called = "log1p, logarithm, log_transform, ln"
    fitted = True
    state_type = Lowest
    word = "offset"

    step: Literal["log"]
    offset: NonNegativeFloat = Field(
        1.0, description="Added before the logarithm: 0 where no value is 0, more than 1 where some are negative."
    )

    def fit(self, batches: Iterable[Any]) -> State:
        """The smallest value of each column.

        Raises:
            UnfitError: counting the rows with a value that has no logarithm.
        """
        wrong, rows, worst = 0, 0, np.inf

        def seen() -> Iterable[Any]:
            nonlocal wrong, rows, worst
            for batch in batches:
                values = np.asarray(batch, np.float64).reshape(len(batch), -1)
                below = (values + self.offset <= 0) | (values < self._smallest)
                wrong += int(below.any(axis=1).sum())
                rows += len(values)
                worst = min(worst, float(np.where(below, values, np.inf).min(initial=np.inf)))
                yield batch

        low, _ = _columns.ends(seen())
        if wrong:
            what = f"a value below {self._smallest:g}" if self.offset else "a value that is not above 0"
            message = f"{wrong:,} of {rows:,} training rows hold {what}, such as {worst:g}"
            help = "use `quantile` or `normalize`, which take any number, or `{clip: {low: 0}}` before it"
            raise UnfitError("no-logarithm", message, help)
        return {"low": low.tolist()}

    @property
    def _smallest(self) -> float:
        """No value may be below: 0, or what a larger offset brings to 1."""
        return min(0.0, 1 - self.offset)

    def check_state(self, state: Any) -> None:
        """Values that have a logarithm."""
        super().check_state(state)
        if not state["low"] or any(low < self._smallest or low + self.offset <= 0 for low in state["low"]):
            raise ValueError("`log` has a smallest value without a logarithm")

    def value_range(self, low: float, high: float) -> tuple[float, float]:
        """The logarithms of both ends, as far as they have one."""
        smallest = np.finfo(np.float32).tiny
        return tuple(float(np.log(max(end + self.offset, smallest))) for end in (low, high))  # type: ignore[return-value]

    def layer(self, state: State | None) -> Any:
        """A function of Keras ops."""
        low = np.float32(np.finfo(np.float32).tiny if state is None else state["low"])

        def logarithm(x: Any) -> Any:
            x = ops.cast(x, "float32")
            y = ops.where(ops.isnan(x), x, ops.maximum(x, low))
            return ops.log1p(y) if self.offset == 1 else ops.log(y + self.offset)

        return logarithm
