"""`quantile`: each value as the share of the training rows below it, which no outlier moves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from statistics import NormalDist
from typing import Annotated, Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.fitted import Fitted, State
from dlkit.schema.step import StepSettings
from dlkit.steps import _columns

np, ops = lazy("numpy"), lazy("keras.ops")


class Curve(Fitted):
    """For each column the values at its edges, rising, and what they become; a single edge where it never varies."""

    edges: list[Annotated[list[float], Field(min_length=1)]]
    heights: list[list[float]]


class Quantile(StepSettings):
    """Replace each value by the share of the training rows below it, on straight lines between quantiles.

    Values beyond those of the training rows count as the smallest or the largest of them. A value that many rows share
    becomes the middle of their shares, and a column that never varies becomes 0.
    """

    also_called = "quantile_transformer, quantiles, rank, rank_gauss, quantile_transform"
    fitted = True
    state_type = Curve
    word = "output"

    step: Literal["quantile"]
    output: Literal["uniform", "normal"] = Field(
        "uniform", description="Shares from 0 to 1, or the values that a normal distribution has at those shares."
    )
    bins: Annotated[int, Field(ge=2, le=1000)] = Field(48, description="Parts with equally many training rows.")

    def fit(self, batches: Iterable[Any]) -> State:
        """The edges of each column; of more than 200,000 rows, by a sample."""
        rows = _columns.sampled(batches)
        _columns.refuse_empty(np.isnan(rows).all(axis=0))
        curves = [self._curve(column[~np.isnan(column)]) for column in rows.T]
        return {"edges": [edges for edges, _ in curves], "heights": [heights for _, heights in curves]}

    def _curve(self, values: Any) -> tuple[list[float], list[float]]:
        """The edges of a column, no two the same in float32, and what they become."""
        shares = np.linspace(0, 1, self.bins + 1)
        found = np.quantile(values, shares).astype(np.float32).astype(np.float64)
        first = np.concatenate([[True], np.diff(found) > np.finfo(np.float32).tiny])
        edges = found[first]
        if len(edges) == 1:
            return edges.tolist(), [0.0]
        # The middle of the shares that an edge stands for.
        heights = (shares[first] + np.append(shares[np.flatnonzero(first)[1:] - 1], 1.0)) / 2
        if self.output == "normal":
            # The outermost rows are half a row from the end.
            end = max(0.5 / len(values), 1e-6)
            heights = [NormalDist().inv_cdf(min(max(float(h), end), 1 - end)) for h in heights]
        return edges.tolist(), list(map(float, heights))

    def check_state(self, state: Any) -> None:
        """Edges and heights that rise together."""
        super().check_state(state)
        _columns.same_length(self.step, state["edges"], state["heights"])
        for edges, heights in zip(state["edges"], state["heights"], strict=True):
            _columns.same_length(self.step, edges, heights)
            if any(a >= b for a, b in pairwise(edges)) or any(a > b for a, b in pairwise(heights)):
                raise ValueError("the edges of `quantile` do not rise")

    def notes(self, state: State) -> list[str]:
        """Columns that never vary."""
        return _columns.constant_note(self.step, np.array([len(edges) == 1 for edges in state["edges"]]))

    def scales(self) -> bool:
        """Always."""
        return True

    def value_range(self, low: float, high: float) -> tuple[float, float]:
        """0 to 1, or where all but few values of a normal distribution lie."""
        return (0.0, 1.0) if self.output == "uniform" else (-3.0, 3.0)

    def layer(self, state: State | None) -> Any:
        """A function of Keras ops: the sum of a straight line for each bin, which rises within it alone."""
        if state is None:
            return lambda x: ops.cast(x, "float32")
        bins = max(1, *(len(edges) - 1 for edges in state["edges"]))
        begin, factor, rise = (np.zeros((len(state["edges"]), bins)) for _ in range(3))
        lowest = np.array([heights[0] for heights in state["heights"]], np.float32)
        for n, (edges, heights) in enumerate(zip(state["edges"], state["heights"], strict=True)):
            begin[n, : len(edges) - 1] = edges[:-1]
            factor[n, : len(edges) - 1] = 1 / np.diff(edges)
            rise[n, : len(edges) - 1] = np.diff(heights)
        begin, factor, rise = (table.astype(np.float32) for table in (begin, factor, rise))

        def ranked(x: Any) -> Any:
            x = ops.cast(x, "float32")
            within = ops.clip((ops.expand_dims(x, -1) - begin) * factor, 0.0, 1.0)
            return ops.where(ops.isnan(x), x, ops.sum(within * rise, axis=-1) + lowest)

        return ranked
