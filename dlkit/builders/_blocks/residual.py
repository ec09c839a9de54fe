"""`kind: residual`: convolutions with a shortcut around them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.builders._blocks._block import WindowBlock
from dlkit.builders._blocks._maps import Maps
from dlkit.schema.base import Positive


class Residual(WindowBlock):
    """Convolutions, and a shortcut that is added to what they give (He et al., 2016).

    Where the shape changes, the shortcut is a convolution of size 1.
    """

    also_called = "resnet, resblock, res_block, basic_block, skip"
    noun = "residual"

    kind: Literal["residual"]
    convolutions: Positive = Field(2, description="Convolutions that the shortcut goes around.")

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """The convolutions, the last of them without activation, and the sum."""
        before, strides = maps, self.strides if first else 1
        for number in range(1, self.convolutions + 1):
            maps = self.convolution(
                maps,
                f"{name}_conv_{number}",
                self.filters,
                self.kernel_size,
                strides=strides if number == 1 else 1,
                activation=number < self.convolutions,
            )
        return self.summed(self.excited(maps, name), before, name, strides=strides)
