"""`alternating_flip`: each picture flipped in every second epoch (Jordan, 2024, arXiv 2404.00498)."""

from __future__ import annotations

from typing import Any, Literal

from dlkit.lazy import lazy
from dlkit.schema.step import Draw, StepSettings

ops = lazy("keras.ops")
# An odd number, by which rows are spread over all 32 bits (Knuth, 1998, 6.4).
SPREAD = 2654435769


class AlternatingFlip(StepSettings):
    """Flip each picture from left to right in every second epoch: half of them in the even ones, the rest in the odd.

    Two epochs then show every picture in both ways, where random flips show half of them twice in the same.
    """

    also_called = "alternate_flip, alternating_random_flip"
    needs_axes = ("height", "width", "channels")
    random = True

    step: Literal["alternating_flip"]

    def augmented(self, x: Any, draw: Draw) -> Any:
        """The pictures, flipped by the number of the epoch and a hash of the row."""
        half = ops.cast((ops.cast(draw.rows, "int64") * SPREAD) // 2**31 % 2, "int32")
        flipped = (half + ops.cast(draw.epoch % 2, "int32")) % 2
        return ops.where(ops.reshape(flipped, (-1, 1, 1, 1)) == 1, ops.flip(x, axis=2), x)
