"""`kind: plain`: one convolution."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.builders._blocks._block import WindowBlock
from dlkit.builders._blocks._maps import Maps


class Plain(WindowBlock):
    """A convolution, then, each if given, batch normalisation, activation, pooling and dropout."""

    also_called = "conv, convolution, conv1d, conv2d, basic"
    noun = "conv"

    kind: Literal["plain"] = "plain"
    batch_normalization: bool = Field(False, description="Normalise before each activation.")
    padding: Literal["valid", "same"] = Field("valid", description="`same` keeps the size, `valid` drops the border.")

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """One convolution."""
        strides = self.strides if first else 1
        maps = self.convolution(maps, name, self.filters, self.kernel_size, strides=strides, padding=self.padding)
        return self.excited(maps, name)
