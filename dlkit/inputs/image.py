"""`kind: image`: pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.problems import ConfigError, Problem
from dlkit.inputs import _numbers
from dlkit.schema.features import Feature
from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomStep
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.rescale import Rescale

if TYPE_CHECKING:
    from dlkit.data.values import RowPlace

    Step = StepSettings
else:
    Step = steps_for(("height", "width", "channels"))


def _default() -> list[StepSettings]:
    return [Rescale(step="rescale")]


class ImageInput(InputSettings):
    """Images: height, width, channels."""

    also_called = "img, picture, images"
    axes = ("height", "width", "channels")
    scaling_step = "rescale"
    usual_builder = "cnn"
    example_file = "image.png"
    augmentation = "{random_translation: {height_factor: 0.1, width_factor: 0.1}}"

    kind: Literal["image"]
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
    augment: list[AnyRandomStep] = Field(
        default_factory=list, description="Random Keras layers, applied after `preprocess`, to training batches alone."
    )

    def feature(self, name: str, column: SourceField) -> Feature:
        """Height, width and channels; uint8 if the source has it so, else float32. Height and width may vary."""
        shape = _numbers.shape_of(self, name, column)
        if shape[-1] is None:
            message = f"the source does not say how many channels `{name}` has"
            help = "state it, as in `shape: [null, null, 3]`"
            raise ConfigError(Problem("shape-unknown", message, self.key_of(name), help=help))
        return Feature(name, self.kind, shape, "uint8" if column.dtype == "uint8" else "float32")

    def without_source(self, name: str) -> Feature | None:
        """8-bit pixels of the stated shape."""
        return None if self.shape is None else self.feature(name, SourceField(None, "uint8"))

    def random_layers(self) -> list[Any]:
        """Those of `augment`."""
        return list(self.augment)

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Numbers of the feature's dtype and shape, all finite."""
        return _numbers.checked(values, feature, place)

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape."""
        return _numbers.example(value, feature)
