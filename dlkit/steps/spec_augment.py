"""`spec_augment`: spans of time and of frequency hidden (Park et al., 2019, arXiv 1904.08779)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.step import Draw, StepSettings

ops, random = lazy("keras.ops"), lazy("keras.random")
Share = Annotated[float, Field(ge=0, le=1)]


class SpecAugment(StepSettings):
    """Hide random spans of steps and of channels: frames and bins of a spectrogram, steps and channels of a sequence.

    What is hidden becomes the mean of the example; padding stays padding.
    """

    also_called = "specaugment, time_masking, frequency_masking, time_mask, freq_mask, masking"
    random = True
    first_axes = ("steps", "frames")

    step: Literal["spec_augment"]
    times: Annotated[int, Field(ge=0, le=20)] = Field(2, description="Spans of time that are hidden.")
    time_share: Share = Field(0.1, description="Largest length of each, as a share of the steps.")
    bands: Annotated[int, Field(ge=0, le=20)] = Field(2, description="Bands of channels that are hidden.")
    band_share: Share = Field(0.1, description="Largest width of each, as a share of the channels.")

    def augmented(self, x: Any, draw: Draw) -> Any:
        """The examples with spans hidden, each by its own draws."""
        batch, steps, channels = ops.shape(x)[0], x.shape[1], x.shape[2]
        hidden = ops.zeros((batch, steps, channels), "bool")
        others = tuple(range(1, len(x.shape)))
        for axis, count, share in ((1, self.times, self.time_share), (2, self.bands, self.band_share)):
            for _ in range(count):
                hidden = ops.logical_or(hidden, _span(batch, x.shape[axis], share, axis, draw))
        there = ops.logical_not(ops.isnan(x))
        number = ops.maximum(ops.sum(ops.cast(there, x.dtype), axis=others, keepdims=True), 1)
        mean = ops.sum(ops.where(there, x, ops.zeros_like(x)), axis=others, keepdims=True) / number
        if len(x.shape) == 4:  # a spectrogram as an image
            hidden = ops.expand_dims(hidden, -1)
        return ops.where(ops.logical_and(hidden, there), mean, x)


def _span(batch: Any, size: int, share: float, axis: int, draw: Draw) -> Any:
    """Where a span of random length and place lies: bool, shape (batch, size, 1), or (batch, 1, size) for axis 2."""
    length = random.uniform((batch, 1), 0, share * size, seed=draw.seed)
    begin = random.uniform((batch, 1), 0, 1, seed=draw.seed) * (size - length)
    place = ops.reshape(ops.arange(size, dtype="float32"), (1, -1))
    inside = ops.logical_and(place >= ops.round(begin), place < ops.round(begin + length))
    return ops.expand_dims(inside, 2 if axis == 1 else 1)
