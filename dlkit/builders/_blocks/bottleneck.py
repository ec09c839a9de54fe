"""`kind: bottleneck`: a convolution on fewer channels, with a shortcut."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.builders._blocks._block import WindowBlock
from dlkit.builders._blocks._maps import Maps, part_of
from dlkit.schema.base import Positive


class Bottleneck(WindowBlock):
    """A convolution between two of size 1, which make fewer channels for it, and a shortcut (He et al., 2016)."""

    also_called = "bottle_neck, resnet50, residual_bottleneck"
    noun = "bottleneck"

    kind: Literal["bottleneck"]
    reduction: Positive = Field(4, description="`filters` divided by it are the channels in between.")

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """The three convolutions, the last of them without activation, and the sum."""
        before, strides = maps, self.strides if first else 1
        inner = part_of(self.filters, self.reduction, maps.key, "reduction")
        maps = self.convolution(maps, f"{name}_conv_1", inner)
        maps = self.convolution(maps, f"{name}_conv_2", inner, self.kernel_size, strides=strides)
        maps = self.convolution(maps, f"{name}_conv_3", self.filters, activation=False)
        return self.summed(self.excited(maps, name), before, name, strides=strides)
