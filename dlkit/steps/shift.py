"""`shift`: training sequences and sounds moved along time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.step import Draw, StepSettings

ops, random = lazy("keras.ops"), lazy("keras.random")


class Shift(StepSettings):
    """Move each example along its first axis by a random distance; what leaves at one end enters at the other.

    Padding at the end stays there: a padded example moves within its own length.
    """

    also_called = "time_shift, roll, random_shift"
    random = True
    first_axes = ("steps", "samples", "frames")
    word = "share"

    step: Literal["shift"]
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="Largest distance either way, as a share of the length."
    )

    def augmented(self, x: Any, draw: Draw) -> Any:
        """The examples, each moved by its own distance."""
        batch, steps = ops.shape(x)[0], x.shape[1]
        there = ops.logical_not(ops.isnan(ops.reshape(x, (batch, steps, -1))[..., 0]))
        # Padding is at the end alone, so that the number of real steps says where it begins.
        length = ops.maximum(ops.sum(ops.cast(there, "int32"), axis=1, keepdims=True), 1)
        share = random.uniform((batch, 1), -self.share, self.share, seed=draw.seed)
        distance = ops.cast(ops.round(share * ops.cast(length, "float32")), "int32")
        place = ops.reshape(ops.arange(steps, dtype="int32"), (1, -1))
        source = ops.where(place < length, (place - distance) % length, place)
        return ops.take_along_axis(x, ops.reshape(source, (-1, steps, *[1] * (len(x.shape) - 2))), axis=1)
