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

keras = lazy("keras")


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
        """One height and width."""
        return replace(before, shape=(self.height, self.width, *before.shape[2:]), dtype="float32")

    def layer(self, state: State | None) -> Any:
        """keras.layers.Resizing."""
        return keras.layers.Resizing(
            **{name: getattr(self, name) for name in type(self).model_fields if name != "step"}
        )
