"""`rescale`: multiply, then add."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.base import Finite
from dlkit.schema.fitted import State
from dlkit.schema.step import StepSettings

keras = lazy("keras")


class Rescale(StepSettings):
    """Multiply by `scale`, then add `offset` (keras.layers.Rescaling)."""

    also_called = "rescaling, scale"
    linear = True

    step: Literal["rescale"]
    scale: Finite = Field(1 / 255, description="Factor; the default brings 8-bit pixels into 0..1.")
    offset: Finite = Field(0.0, description="Added after the multiplication.")

    def layer(self, state: State | None) -> Any:
        """keras.layers.Rescaling."""
        return keras.layers.Rescaling(self.scale, self.offset)

    def scales(self) -> bool:
        """With the factor and offset for 8-bit pixels."""
        fields = type(self).model_fields
        return all(getattr(self, name) == fields[name].default for name in ("scale", "offset"))

    def value_range(self, low: float, high: float) -> tuple[float, float]:
        """Both ends, rescaled."""
        return low * self.scale + self.offset, high * self.scale + self.offset
