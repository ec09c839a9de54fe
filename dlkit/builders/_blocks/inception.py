"""`kind: inception`: convolutions of several sizes side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dlkit.builders._blocks._block import Block
from dlkit.builders._blocks._maps import Maps
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.base import Positive

layers = lazy("keras.layers")
# By number of axes: of sequences those of InceptionTime (Fawaz et al., 2020), of images those of Szegedy et al. (2015).
KERNELS = {1: [40, 20, 10], 2: [5, 3, 1]}
# Side of the window of the branch with pooling.
POOL = 3


class Inception(Block):
    """Convolutions of several sizes side by side, and one after max-pooling; a shortcut goes around all that repeat."""

    also_called = "inception_time, inceptiontime, googlenet, multi_kernel, parallel"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **Block.fields_also_called,
        "kernel_sizes": "kernel_size, kernels, kernel, sizes, windows",
        "pool_branch": "max_pool_branch",
        "shortcut": "residual, skip, use_residual",
    }
    noun = "inception"

    kind: Literal["inception"]
    filters: Positive = Field(description="Output channels of each branch.")
    kernel_sizes: Annotated[list[Positive], Field(min_length=1)] | None = Field(
        None, description="Window of each branch; by default 40, 20, 10 of sequences, and 5, 3, 1 of images."
    )
    bottleneck: Positive | None = Field(
        32, description="Channels that a convolution of size 1 leaves for the others, where there are more; null: all."
    )
    pool_branch: bool = Field(True, description="A branch with max-pooling before a convolution of size 1.")
    shortcut: bool = Field(True, description="Add what the block is given to its output, by a convolution of size 1.")
    repeat: Positive = Field(1, description="How often this follows itself, with one shortcut around all.")

    def all_of(self, maps: Maps, name: str) -> Maps:
        """Its branches, `repeat` times, and the sum."""
        found = super().all_of(maps, name)
        return self.summed(found, maps, name, project=True) if self.shortcut else found

    def once(self, maps: Maps, name: str, *, first: bool) -> Maps:
        """The branches, side by side."""
        bias = not self.batch_normalization

        def branch(maps: Maps, name: str, size: int = 1, filters: int = self.filters) -> Maps:
            weights = self.of_weights(maps.key, axes=maps.axes + 2)
            return maps.convolved("Conv", size, filters=filters, use_bias=bias, name=name, **weights)

        narrow = maps
        if self.bottleneck is not None and maps.channels > self.bottleneck:
            narrow = branch(maps, f"{name}_bottleneck", filters=self.bottleneck).filled()
        sizes = self.kernel_sizes or KERNELS[maps.axes]
        side = [branch(narrow, f"{name}_conv_{number}", size) for number, size in enumerate(sizes, 1)]
        if self.pool_branch:
            side.append(branch(maps.largest_near(POOL, f"{name}_near"), f"{name}_conv_near"))
        maps = side[0]
        if len(side) > 1:
            joined = origin(layers.Concatenate(name=f"{name}_branches"), maps.key)([one.x for one in side])
            maps = replace(maps, x=joined)
        maps = self.activated(maps, f"{name}_activation") if bias else self.normalised(maps, name)
        return self.excited(maps, name)
