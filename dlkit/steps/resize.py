"""`resize`: every image to one size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.problems import Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.base import Positive
from dlkit.schema.features import Encoding
from dlkit.schema.fitted import State
from dlkit.schema.step import StepSettings

if TYPE_CHECKING:
    from dlkit.schema import Config

keras, ops = lazy("keras"), lazy("keras.ops")

# Types of pixels that stay what they are.
WHOLE = ("uint8", "uint16")


class Resize(StepSettings):
    """Bring every image to one size (keras.layers.Resizing)."""

    also_called = "resizing"
    needs_axes = ("height", "width")
    host = True
    linear = True

    step: Literal["resize"]
    height: Positive = Field(description="Height in pixels.")
    width: Positive = Field(description="Width in pixels.")
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"] = Field(
        "bilinear", description="How new pixels are computed."
    )
    antialias: bool = Field(
        True, description="Average what falls into one new pixel when images shrink, as Pillow and phones do."
    )
    crop_to_aspect_ratio: bool = Field(False, description="Crop the longer side instead of distorting the image.")
    pad_to_aspect_ratio: bool = Field(False, description="Pad the shorter side instead of distorting the image.")

    def rules(self, key: Key, config: Config) -> Iterator[Problem]:
        """Resizing either crops or pads."""
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            yield Problem(
                "contradiction",
                "an image is either cropped or padded to keep its aspect ratio",
                (*key, "resize", "pad_to_aspect_ratio"),
                label="remove one of the two",
            )

    def encoding(self, before: Encoding) -> Encoding:
        """One height and width; whole numbers stay what they are."""
        dtype = before.dtype if before.dtype in WHOLE else "float32"
        return replace(before, shape=(self.height, self.width, *before.shape[2:]), dtype=dtype)

    def layer(self, state: State | None) -> Any:
        """keras.layers.Resizing, of the type of the images; pixels of whole numbers are rounded to such."""
        return Resized({name: getattr(self, name) for name in type(self).model_fields if name != "step"})


class Resized:
    """Images of one size, of the type that they had: a quarter of the bytes where that is uint8.

    A float32 layer of Keras rounds whole numbers in a pipeline and over arrays, and not in a model. One of the type of
    the images always does, and takes a third of the time.

    Args:
        settings: of keras.layers.Resizing.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._layers: dict[str, Any] = {}

    def __call__(self, x: Any) -> Any:
        """Images, shape (batch, height, width, channels)."""
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype not in WHOLE:
            dtype, x = "float32", ops.cast(x, "float32")
        if dtype not in self._layers:
            # Padding of 0.0 would not be of that type.
            self._layers[dtype] = keras.layers.Resizing(**self._settings, fill_value=0, dtype=dtype)
        return self._layers[dtype](x)
