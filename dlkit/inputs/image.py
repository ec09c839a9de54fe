"""`kind: image`: pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.inputs import _numbers
from dlkit.inputs._decode_image import decode_image
from dlkit.lazy import lazy
from dlkit.schema.features import Feature, in_words
from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomStep
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.rescale import Rescale
from dlkit.steps.resize import Resize

np, tf = lazy("numpy"), lazy("tensorflow")

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
    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
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

    def from_file(self, path: Path, feature: Feature) -> Any:
        """The pixels of an image file: uint8; resized where a step of the model resizes what it is given.

        Raises:
            RunError: if it is not a whole image, or none of the size or scale that the model takes.
        """
        if len(feature.shape) != 3:
            raise _unusable(f"the model takes examples of {in_words(feature.shape)}, not images", "give arrays")
        if feature.dtype != "uint8":
            message = f"the model was trained on {feature.dtype} images, whose scale is unknown"
            raise _unusable(message, "give arrays, scaled as in training: .npy or .npz")
        try:
            image = decode_image(path.read_bytes(), feature.shape[2])
        except (ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise _unusable(f"it is not a whole image ({reason})") from error
        height, width, _ = feature.shape
        if height in (None, image.shape[0]) and width in (None, image.shape[1]):
            return image
        resize = next((step for step in self.preprocess if isinstance(step, Resize)), None)
        if resize is None or height is None or width is None:
            message = f"the image is {in_words(image.shape[:2])}, the model takes {in_words(feature.shape[:2])}"
            raise _unusable(message, "resize it, or train with a `resize` step in `preprocess`")
        resized = tf.image.resize(image, (height, width), method=resize.interpolation).numpy()
        return np.clip(np.round(resized), 0, 255).astype(np.uint8)


def _unusable(message: str, help: str = "") -> RunError:
    return RunError(Problem("unusable-input", message, help=help))
