"""Forecasts that repeat the past: what any forecast of a series has to be better than."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from dlkit.schema.source import BaseRows
else:
    np = lazy("numpy")


def forecasts(base: BaseRows, rows: np.ndarray, column: str, season: int) -> dict[str, np.ndarray]:
    """The last value, the season before, and that with growth: what there is of them, by name.

    Where a series does not reach back so far, a forecast is the simpler one before it.

    Args:
        base: the rows of the series.
        rows: numbers of the examples, int64, shape (examples,).
        column: whose channels are predicted.
        season: rows after which a series is like itself.

    Returns:
        float32, shape (examples, steps * channels).
    """
    values = base.values.get(column)
    if values is None:
        return {}
    seen = base.first[rows] + base.span - base.ahead - base.gap
    series, firsts = np.unique(base.series, return_index=True)
    start = firsts[np.searchsorted(series, base.series[base.first[rows]])]
    last = seasonal(values, seen, base.ahead, 1, gap=base.gap, start=start)
    found = {"last value": last}
    if season > 1:
        repeated = seasonal(values, seen, base.ahead, season, gap=base.gap, start=start)
        grown = growing(values, seen, base.ahead, season, gap=base.gap, start=start)
        repeated = np.where(np.isnan(repeated), last, repeated)
        found |= {"seasonal naive": repeated, "seasonal naive with growth": np.where(np.isnan(grown), repeated, grown)}
    return {name: forecast.reshape(len(rows), -1) for name, forecast in found.items()}


def seasonal(
    values: np.ndarray, seen: np.ndarray, horizon: int, season: int, *, gap: int = 0, start: Any = 0
) -> np.ndarray:
    """Each step as it was a season before, or as many seasons as are needed to have seen it.

    Args:
        values: rows of series, one after the other in the order of time: float, shape (rows, channels).
        seen: number of the row that follows the last one seen, of each forecast: int64, shape (forecasts,).
        horizon: steps that are predicted.
        season: rows after which a series is like itself.
        gap: rows between the last one seen and the first predicted.
        start: first row of the series of each forecast.

    Returns:
        float32, shape (forecasts, horizon, channels); NaN where the series does not reach back so far.
    """
    rows, there = _rows_before(seen, horizon, season, gap, start)
    return np.where(there[..., None], values[np.where(there, rows, 0)], np.nan).astype(np.float32)


def growing(
    values: np.ndarray, seen: np.ndarray, horizon: int, season: int, *, gap: int = 0, start: Any = 0
) -> np.ndarray:
    """The same times the growth of the last season over the one before; the arguments are those of `seasonal`.

    Growth is the ratio of their sums, once for each season that is repeated. It is 1 where a sum is not positive.
    """
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    reach = seen - 2 * season >= start
    last, middle, first = (np.maximum(seen - n * season, 0) for n in range(3))
    late, early = sums[last] - sums[middle], sums[middle] - sums[first]
    positive = (late > 0) & (early > 0)
    growth = np.where(positive, late / np.where(positive, early, 1), 1.0)
    seasons = (np.arange(horizon) + gap) // season + 1
    grown = seasonal(values, seen, horizon, season, gap=gap, start=start) * growth[:, None, :] ** seasons[:, None]
    return np.where(np.reshape(reach, (-1, 1, 1)), grown, np.nan).astype(np.float32)


def _rows_before(seen: Any, horizon: int, season: int, gap: int, start: Any) -> tuple[Any, Any]:
    """The row that each step repeats, shape (forecasts, horizon), and whether the series has it."""
    ahead = np.arange(horizon) + gap
    rows = seen[:, None] + ahead - season * (ahead // season + 1)
    return rows, rows >= np.reshape(start, (-1, 1))
