"""Sequences with a mask, bool of shape (batch, steps): what is taken over the steps that are there."""

from __future__ import annotations

from typing import Any

from dlkit.lazy import lazy

ops = lazy("keras.ops")

# Below every activation, and a number in float16 too.
LOWEST = -6e4


def filled(x: Any, mask: Any, value: float = 0.0) -> Any:
    """The same with a value for all steps that are not there; itself where there is no mask."""
    return x if mask is None else ops.where(ops.expand_dims(mask, -1), x, value)


def largest(x: Any, mask: Any) -> Any:
    """The largest value of each channel: float, shape (batch, channels); 0 where no step is there."""
    found = ops.max(filled(x, mask, LOWEST), axis=1)
    return ops.where(ops.any(mask, axis=1, keepdims=True), found, 0.0)


def of_first_steps(mask: Any, stride: Any) -> Any:
    """The mask of windows that count where their first step is there."""
    return mask[:, ::stride]


def of_whole_windows(mask: Any, size: Any, stride: Any) -> Any:
    """The mask of windows, without padding, that count where all of their steps are there, and the first in any case.

    What is shorter than a window is thus seen, with zeros after it.
    """
    return ops.concatenate([mask[:, :1], mask[:, size - 1 :: stride][:, 1:]], axis=1)
