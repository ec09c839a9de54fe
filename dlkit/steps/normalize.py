"""`normalize`: to mean 0 and deviation 1, as fitted on the training split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.fitted import SMALLEST_SPREAD, Fitted, Size, State
from dlkit.schema.step import StepSettings

keras, np = lazy("keras"), lazy("numpy")


class Moments(Fitted):
    """Mean and variance of every value that keeps its own, and the shape of an example."""

    mean: float | list[float]
    variance: float | list[float]
    shape: list[Size]


class Normalize(StepSettings):
    """Subtract the mean and divide by the standard deviation of the training split (keras.layers.Normalization)."""

    also_called = "normalization, normalise, standardize, standardise, norm"

    fitted = True
    state_type = Moments

    step: Literal["normalize"]
    axis: int | None = Field(-1, description="Axis that keeps its own mean and deviation; null for one of each.")

    def fit(self, batches: Iterable[Any]) -> State:
        """Mean and variance over the training rows, in float64, values that are NaN left out (Chan et al., 1979)."""
        count: Any = 0.0
        mean: Any = 0.0
        squares: Any = 0.0
        shape: list[int] = []
        for batch in batches:
            values = np.asarray(batch, np.float64)
            shape = list(values.shape[1:])
            axes = tuple(range(values.ndim)) if self.axis is None else _other_axes(values.ndim, self.axis)
            there = ~np.isnan(values)
            every = bool(there.all())
            n = there.sum(axis=axes)
            own = (values if every else np.where(there, values, 0)).sum(axis=axes) / np.maximum(n, 1)
            spread = own if self.axis is None else np.expand_dims(own, axes)
            distances = (values - spread) ** 2
            own_squares = (distances if every else np.where(there, distances, 0)).sum(axis=axes)
            shift, total = own - mean, count + n
            squares = squares + own_squares + shift**2 * count * n / np.maximum(total, 1)
            mean, count = mean + shift * n / np.maximum(total, 1), total
        variance = squares / np.maximum(count, 1)
        return {"mean": np.asarray(mean).tolist(), "variance": np.asarray(variance).tolist(), "shape": shape}

    def check_state(self, state: Any) -> None:
        """A mean and a variance for each place along the axis."""
        super().check_state(state)
        shape, rank = state["shape"], len(state["shape"]) + 1
        if self.axis is not None and not (-rank < self.axis < 0 or 0 < self.axis < rank):
            raise ValueError(f"`normalize` has no axis {self.axis} in examples of shape {shape}")
        wanted = () if self.axis is None else (shape[self.axis % rank - 1],)
        if not np.shape(state["mean"]) == np.shape(state["variance"]) == wanted:
            raise ValueError("the means and variances of `normalize` are not as many as its axis is long")

    def notes(self, state: State) -> list[str]:
        """Values that are always the same, and differences that float32 cannot hold."""
        mean, deviation = (np.atleast_1d(np.array(state[name], np.float64)) for name in ("mean", "variance"))
        deviation = np.sqrt(deviation)
        notes = []
        if constant := int((deviation == 0).sum()):
            which = "it is" if len(mean) == 1 else f"{constant} of {len(mean)} values are"
            notes.append(f"`normalize`: {which} the same in every training row, and 0 after it wherever that differs")
        lost = (deviation > 0) & (deviation < np.abs(mean) * SMALLEST_SPREAD)
        if lost.any():
            worst = int(np.argmax(lost))
            notes.append(
                f"`normalize`: values about {mean[worst]:.4g} differ by {deviation[worst]:.2g}, which float32 hardly "
                "holds: subtract a constant from them in the source"
            )
        return notes

    def scales(self) -> bool:
        """Always."""
        return True

    def layer(self, state: State | None) -> Any:
        """keras.layers.Normalization; what never varied in training becomes 0."""
        layer = keras.layers.Normalization(axis=self.axis)
        if state is not None:
            mean, variance = (np.array(state[name], np.float32) for name in ("mean", "variance"))
            layer.build((None, *state["shape"]))
            layer.adapt_mean.assign(mean)
            layer.adapt_variance.assign(np.where(variance > 0, variance, np.inf))
            layer.finalize_state()
        return layer


def _other_axes(count: int, axis: int) -> tuple[int, ...]:
    """All axes but one."""
    return tuple(n for n in range(count) if n != axis % count)
