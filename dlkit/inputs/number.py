"""`kind: number`: numbers, vectors and arrays of fixed shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.schema.input import InputSettings
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    Step = StepSettings
else:
    Step = steps_for(())


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class NumberInput(InputSettings):
    """Numbers: one, a vector, or an array of fixed shape."""

    also_called = "numeric, float, regression, numerical, scalar, tabular, vector"

    kind: Literal["number"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
