"""`normalize`: to mean 0 and deviation 1, as fitted on the training split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.schema.step import StepSettings


class Normalize(StepSettings):
    """Subtract the mean and divide by the standard deviation of the training split (keras.layers.Normalization)."""

    also_called = "normalization, normalise, standardize, standardise, norm"

    step: Literal["normalize"]
    axis: int | None = Field(-1, description="Axis that keeps its own mean and deviation; null for one of each.")
