"""`kind: inverted_residual`: a convolution within each of more channels, with a shortcut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from dlkit.builders._blocks._block import Block, WindowBlock
from dlkit.builders._blocks._maps import Maps
from dlkit.schema.base import Positive, PositiveFloat


class InvertedResidual(WindowBlock):
    """A convolution within each channel, of more channels than come and go, without activation at its end.

    A shortcut is added where the shape stays (MobileNetV2, Sandler et al., 2018).
    """

    also_called = "mbconv, inverted_bottleneck, mobilenet_v2"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **Block.fields_also_called,
        "expansion": "expand, expand_ratio, expansion_factor, t",
    }
    noun = "inverted"

    kind: Literal["inverted_residual"]
    strides: Positive = Field(1, description="Step of the window.")
    expansion: PositiveFloat = Field(6.0, ge=1, description="Channels within, as a multiple of those that come in.")

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """More channels, where they are asked for; the convolution within each; fewer again, and the sum."""
        before, strides = maps, self.strides if first else 1
        inner = round(self.expansion * before.channels)
        if inner > before.channels:
            maps = self.convolution(maps, f"{name}_expand", inner)
        maps = self.excited(self.depthwise(maps, f"{name}_depthwise", self.kernel_size, strides=strides), name)
        maps = self.convolution(maps, f"{name}_project", self.filters, activation=False)
        if strides > 1 or before.channels != self.filters:
            return maps
        return self.summed(maps, before, name, activation=False)
