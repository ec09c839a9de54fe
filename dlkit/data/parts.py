"""What a split of a run consists of: parts of the splits of its source, by slices or by the numbers of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlkit.schema.source import Piece


@dataclass(frozen=True, eq=False)
class Picked:
    """Some examples of one split of a source.

    Attributes:
        split: name of the split in the source.
        rows: their numbers in it, int64, shape (examples,).
    """

    split: str
    rows: np.ndarray

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.rows)

    def of(self, column: np.ndarray) -> np.ndarray:
        """These examples of a whole column of the split."""
        found: np.ndarray = column[self.rows]
        return found

    def row(self, number: int) -> int:
        """The number in the split of one of these examples."""
        return int(self.rows[number])


Part = Piece | Picked
Chosen = dict[str, tuple[Part, ...]]


def numbers(part: Part) -> np.ndarray:
    """The numbers of its rows in the split of the source, int64."""
    return part.rows if isinstance(part, Picked) else np.arange(part.start, part.stop)


def within(part: Part, rows: slice) -> Part:
    """Successive rows of a part."""
    if isinstance(part, Picked):
        return Picked(part.split, part.rows[rows])
    return Piece(part.split, part.start + rows.start, part.start + rows.stop)


def picked(parts: tuple[Part, ...], keep: np.ndarray) -> tuple[Part, ...]:
    """The rows of some parts that are kept.

    Args:
        parts: one after the other.
        keep: bool, a value for each row of all parts.
    """
    found, start = [], 0
    for part in parts:
        rows = numbers(part)
        chosen = rows[keep[start : start + len(rows)]]
        start += len(rows)
        if len(chosen) == len(rows):
            found.append(part)
        elif len(chosen):
            found.append(Picked(part.split, chosen))
    return tuple(found)
