"""`kind: image`: pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomStep
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.rescale import Rescale

if TYPE_CHECKING:
    Step = StepSettings
else:
    Step = steps_for(("height", "width", "channels"))


def _default() -> list[StepSettings]:
    return [Rescale(step="rescale")]


class ImageInput(InputSettings):
    """Images: height, width, channels."""

    also_called = "img, picture, images"
    axes = ("height", "width", "channels")

    kind: Literal["image"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
    augment: list[AnyRandomStep] = Field(
        default_factory=list, description="Random Keras layers, applied after `preprocess`, to training batches alone."
    )
