"""`kind: sequence`: time series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.schema.input import InputSettings
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    Step = StepSettings
else:
    Step = steps_for(("steps", "channels"))


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class SequenceInput(InputSettings):
    """Time series of fixed length: steps, channels."""

    also_called = "series, time_series, timeseries"
    axes = ("steps", "channels")

    kind: Literal["sequence"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
