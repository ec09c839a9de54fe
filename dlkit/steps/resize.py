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

np, keras, ops = lazy("numpy"), lazy("keras"), lazy("keras.ops")


class Resize(StepSettings):
    """Bring every image to one size (keras.layers.Resizing)."""

    also_called = "resizing"
    needs_axes = ("height", "width")
    host = True

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
        dtype = before.dtype if before.dtype in ("uint8", "uint16") else "float32"
        return replace(before, shape=(self.height, self.width, *before.shape[2:]), dtype=dtype)

    def layer(self, state: State | None) -> Any:
        """keras.layers.Resizing, in float32; pixels of whole numbers are rounded to such."""
        settings = {name: getattr(self, name) for name in type(self).model_fields if name != "step"}
        return Resized(keras.layers.Resizing(**settings))


class Resized:
    """Images of one size, of the type that they had: a quarter of the bytes where that is uint8.

    Keras rounds resized whole numbers in a pipeline and over arrays, and not in a model; here they always are.

    Args:
        layer: keras.layers.Resizing.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __call__(self, x: Any) -> Any:
        """Images, shape (batch, height, width, channels)."""
        dtype = keras.backend.standardize_dtype(x.dtype)
        resized = self.layer(ops.cast(x, "float32"))
        if dtype not in ("uint8", "uint16"):
            return resized
        return ops.cast(ops.clip(ops.round(resized), 0, 2 ** (8 * np.dtype(dtype).itemsize) - 1), dtype)
