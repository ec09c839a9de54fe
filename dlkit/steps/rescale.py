"""`rescale`: multiply, then add."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.schema.base import Finite
from dlkit.schema.step import StepSettings


class Rescale(StepSettings):
    """Multiply by `scale`, then add `offset` (keras.layers.Rescaling)."""

    also_called = "rescaling, scale"

    step: Literal["rescale"]
    scale: Finite = Field(1 / 255, description="Factor; the default brings 8-bit pixels into 0..1.")
    offset: Finite = Field(0.0, description="Added after the multiplication.")
