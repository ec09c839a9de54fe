"""`kind: separable`: a convolution within each channel, then one across them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from dlkit.builders._blocks._block import Block, WindowBlock
from dlkit.builders._blocks._maps import Maps
from dlkit.schema.base import Positive


class Separable(WindowBlock):
    """A convolution within each channel, then one of size 1 across them (MobileNet, Howard et al., 2017)."""

    also_called = "depthwise, depthwise_separable, separable_conv, mobilenet, dsconv"
    fields_also_called: ClassVar[Mapping[str, str]] = {**Block.fields_also_called, "dilation_rate": "dilation"}
    noun = "separable"

    kind: Literal["separable"]
    strides: Positive = Field(1, description="Step of the window.")
    dilation_rate: Positive = Field(1, description="Steps from one value under the window to the next.")

    @model_validator(mode="after")
    def _steps_one_way(self) -> Separable:
        if self.strides > 1 and self.dilation_rate > 1:
            raise ValueError("`strides` and `dilation_rate` cannot both be above 1")
        return self

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """The two convolutions, each with its activation."""
        strides = self.strides if first else 1
        maps = self.depthwise(maps, f"{name}_depthwise", self.kernel_size, strides=strides, dilation=self.dilation_rate)
        return self.excited(self.convolution(maps, f"{name}_conv", self.filters), name)
