"""What one input or target is, before any network sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Feature:
    """One input or target in its raw form: what `model.keras` takes, or the labels that it is judged by.

    Attributes:
        name: as in the configuration.
        kind: of the input or target, as in the configuration.
        shape: of one example, without the batch; None for a size that varies.
        dtype: NumPy name of the type in which examples arrive, or `string`.
        classes: names of the classes, in order of their integers; empty where there are none.
        ragged: whether examples are padded with NaN at the end of their first axis.
    """

    name: str
    kind: str
    shape: Shape
    dtype: str
    classes: tuple[str, ...] = ()
    ragged: bool = False


@dataclass(frozen=True)
class Encoding:
    """One input in its prepared form: what the network sees.

    Attributes:
        shape: of one example, without the batch; None for a size that varies.
        dtype: NumPy name of its type; whole numbers are ids where there is a `vocabulary`.
        axes: names of the axes, such as ("height", "width", "channels"); empty where they have none.
        vocabulary: number of ids, 0 for unknown included, of each column; empty where values are no ids.
        masked: whether NaN at the end of the first axis stands for steps that are not there.
        embedding: numbers that stand for an id in the network; 0 for one-hot, None for a size that fits.
        pixels: what black and white of an image have become; None where that is not known.
        vectors: gives the numbers that each id begins with, NaN for those that begin at random: float32, shape (ids,
            embedding).
    """

    shape: Shape
    dtype: str
    axes: tuple[str, ...] = ()
    vocabulary: tuple[int, ...] = ()
    masked: bool = False
    embedding: int | None = None
    pixels: tuple[float, float] | None = None
    vectors: Callable[[], Any] | None = field(default=None, compare=False)


def shown(shape: Shape) -> str:
    """A shape as YAML has it: `[28, 28, null]`."""
    return "[" + ", ".join("null" if size is None else str(size) for size in shape) + "]"


def in_words(shape: Shape) -> str:
    """A shape as it is read: `28 x 28 x 1`, `? x 9`, `one value`, `a single number`."""
    if shape == (1,):
        return "one value"
    return " x ".join("?" if size is None else str(size) for size in shape) or "a single number"
