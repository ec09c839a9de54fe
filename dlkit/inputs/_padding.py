"""Examples of unequal lengths, padded with NaN at the end: how long each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlkit.config.phrases import count
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from dlkit.data.values import RowPlace
else:
    np = lazy("numpy")


def lengths_of(rows: Any, place: RowPlace, example: str, step: str) -> Any:
    """Steps of each example, without its padding: int64, shape (examples,).

    Args:
        rows: float, shape (examples, steps, channels).
        place: where they are.
        example: what messages call one, such as `sequence`.
        step: what they call its steps, such as `sample`.

    Raises:
        RunError: naming the first row with NaN before its end, or with nothing else.
    """
    absent = np.isnan(rows)
    there = ~absent.all(axis=2)
    lengths = there.shape[1] - there[:, ::-1].argmax(axis=1)
    if (empty := np.flatnonzero(~there.any(axis=1))).size:
        message = f"{place.row(empty[0])} is a {example} of padding alone ({count(empty.size, 'such row')})"
        raise place.run_error("empty-sequence", message, "remove those rows")
    inside = absent.any(axis=2) & (np.arange(there.shape[1]) < lengths[:, np.newaxis])
    if (wrong := np.flatnonzero(inside.any(axis=1))).size:
        at = int(inside[wrong[0]].argmax())
        message = f"{place.row(wrong[0])} has NaN at {step} {at:,}, before its end ({count(wrong.size, 'such row')})"
        raise place.run_error("nan-inside", message, "NaN may stand at the end alone, for padding: fill in the others")
    return lengths
