"""What fitted steps of numbers share: columns, which are the last axis of an example, and a sample of many rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlkit.lazy import lazy
from dlkit.schema.fitted import Fitted
from dlkit.schema.step import UnfitError

np = lazy("numpy")
# Rows that quantiles are computed from; of more, a sample of at least half as many.
MOST_ROWS = 200_000


class Ends(Fitted):
    """The smallest and the largest value of each column, NaN left out."""

    low: list[float]
    high: list[float]


def columns(batch: Any) -> Any:
    """A batch as float64 of shape (rows, columns): the columns are its last axis."""
    values = np.asarray(batch, np.float64)
    return values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)


def ends(batches: Iterable[Any]) -> Any:
    """The smallest and the largest value of each column, NaN left out: float64, shape (2, columns).

    Raises:
        UnfitError: if a column holds no number.
    """
    low: Any = np.inf
    high: Any = -np.inf
    for batch in batches:
        rows = columns(batch)
        absent = np.isnan(rows)
        low = np.minimum(low, np.where(absent, np.inf, rows).min(axis=0, initial=np.inf))
        high = np.maximum(high, np.where(absent, -np.inf, rows).max(axis=0, initial=-np.inf))
    found = np.stack([np.atleast_1d(low), np.atleast_1d(high)])
    refuse_empty(~np.isfinite(found).all(axis=0))
    return found


def sampled(batches: Iterable[Any], most: int | None = None) -> Any:
    """All rows of all batches, or a sample of them where they are more than `most`: float64, shape (rows, columns).

    Every row has the same chance, and the same rows give the same sample.
    """
    most = MOST_ROWS if most is None else most
    random, share, count = np.random.Generator(np.random.Philox(0)), 1.0, 0
    kept: list[tuple[Any, Any]] = []
    for batch in batches:
        rows = columns(batch)
        draws = random.random(len(rows))
        chosen = draws < share
        kept.append((rows[chosen], draws[chosen]))
        count += int(chosen.sum())
        while count > most:
            share /= 2
            kept = [(rows[draws < share], draws[draws < share]) for rows, draws in kept]
            count = sum(len(rows) for rows, _ in kept)
    return np.concatenate([rows for rows, _ in kept]) if kept else np.zeros((0, 1))


def refuse_empty(empty: Any) -> None:
    """Refuse columns without any number.

    Args:
        empty: whether each column is, shape (columns,).

    Raises:
        UnfitError: counting them.
    """
    if empty.any():
        number = int(np.flatnonzero(empty)[0])
        message = f"{int(empty.sum()):,} of {len(empty):,} columns hold no number in any training row"
        help = f"leave them out, or put `fill_missing` before it; the first is column {number}, counted from 0"
        raise UnfitError("empty-column", message, help)


def constant_note(step: str, constant: Any) -> list[str]:
    """The line about columns that never vary in training.

    Args:
        step: name of the step.
        constant: whether each column is, shape (columns,).
    """
    if not (count := int(np.sum(constant))):
        return []
    which = "it is" if len(constant) == 1 else f"{count:,} of {len(constant):,} columns are"
    return [f"`{step}`: {which} the same in every training row, and always 0 after it"]


def same_length(step: str, *lists: Any) -> None:
    """Refuse lists of figures that are not as many.

    Raises:
        ValueError: if they differ, or are empty.
    """
    if len({len(figures) for figures in lists}) != 1 or not lists[0]:
        raise ValueError(f"the figures of `{step}` are not one for each column")
