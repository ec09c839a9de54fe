"""`noise`: small random numbers added to every value of a training example."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.base import PositiveFloat
from dlkit.schema.step import Draw, StepSettings

ops, random = lazy("keras.ops"), lazy("keras.random")


class Noise(StepSettings):
    """Add normal noise to every value of a sequence or sound; padding stays padding."""

    also_called = "gaussian_noise, jitter, add_noise, white_noise"
    random = True
    first_axes = ("steps", "samples", "frames")
    word = "deviation"

    step: Literal["noise"]
    deviation: PositiveFloat = Field(0.1, description="Standard deviation of the noise, in units of prepared values.")

    def augmented(self, x: Any, draw: Draw) -> Any:
        """The values with noise; NaN stays NaN."""
        return x + random.normal(ops.shape(x), stddev=self.deviation, dtype=x.dtype, seed=draw.seed)
