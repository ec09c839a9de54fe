"""Feature maps on their way through a block, over images or over sequences with a mask; what does not fit them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dlkit.builders._masked import LOWEST, filled, of_first_steps, of_whole_windows
from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.encoded import masked_mean
from dlkit.lazy import lazy
from dlkit.origins import origin

layers, ops = lazy("keras.layers"), lazy("keras.ops")


@dataclass(frozen=True)
class Maps:
    """What a block is given, and what it makes.

    Attributes:
        x: float, shape (batch, height, width, channels) or (batch, steps, channels); 0 where the mask is False.
        mask: bool, shape (batch, steps); None where every step is there.
        key: of the section that asks for the block, which its layers come from.
    """

    x: Any
    mask: Any
    key: Key

    @property
    def axes(self) -> int:
        """2 of images, 1 of sequences."""
        return len(self.x.shape) - 2

    @property
    def channels(self) -> int:
        """Values of each pixel or step."""
        return int(self.x.shape[-1])

    def under(self, layer: Any, **masks: Any) -> Maps:
        """What a layer makes of them that leaves pixels and steps where they are."""
        return replace(self, x=origin(layer, self.key)(self.x, **masks))

    def filled(self) -> Maps:
        """The same with 0 for steps that are not there."""
        return replace(self, x=filled(self.x, self.mask))

    def convolved(self, kind: str, size: Any, strides: Any = 1, padding: str = "same", **arguments: Any) -> Maps:
        """What a convolution makes of them; steps that are not there have any value.

        By the length of a sequence Keras puts more or fewer zeros in front of it, where a window moves by several
        steps. With a mask there are as many for every length, so that padding changes nothing.

        Args:
            kind: name of the layer in Keras, without the number of its axes.
            size: of its window.
            strides: of its window.
            padding: `same` or `valid`.
            arguments: others of the layer.
        """
        x, mask = self.x, self.mask
        if padding == "valid":
            must_fit(x, size, self.key, "kernel_size")
        if mask is None:
            _must_have_several(x, strides, self.key)
        elif padding == "valid":
            mask = of_whole_windows(mask, size, strides)
        else:
            mask = of_first_steps(mask, strides)
            if strides > 1:
                before = (size - 1) // 2
                after = max(0, (mask.shape[1] - 1) * strides + size - x.shape[1] - before)
                x, padding = ops.pad(x, [[0, 0], [before, after], [0, 0]]), "valid"
        layer = getattr(layers, f"{kind}{self.axes}D")(kernel_size=size, strides=strides, padding=padding, **arguments)
        return replace(self, x=origin(layer, self.key)(x), mask=mask)

    def pooled(self, size: Any, name: str) -> Maps:
        """The largest of each window; of sequences with a mask, of what is there, the last incomplete window too."""
        x, mask = self.x, self.mask
        if mask is None:
            must_fit(x, size, self.key, "pool_size")
        else:
            rest = [[0, 0], [0, -x.shape[1] % size], [0, 0]]
            x, mask = ops.pad(filled(x, mask, LOWEST), rest, constant_values=LOWEST), of_first_steps(mask, size)
        layer = getattr(layers, f"MaxPooling{self.axes}D")(size, name=name)
        return replace(self, x=origin(layer, self.key)(x), mask=mask).filled()

    def largest_near(self, size: int, name: str) -> Maps:
        """The largest around each pixel or step that is there, of the same size."""
        layer = getattr(layers, f"MaxPooling{self.axes}D")(size, strides=1, padding="same", name=name)
        return replace(self, x=origin(layer, self.key)(filled(self.x, self.mask, LOWEST))).filled()

    def means(self, name: str) -> Any:
        """The mean of each channel: float, shape (batch, 1, 1, channels) or (batch, 1, channels)."""
        if self.mask is not None:
            return ops.expand_dims(masked_mean(self.x, self.mask), 1)
        layer = getattr(layers, f"GlobalAveragePooling{self.axes}D")(keepdims=True, name=name)
        return origin(layer, self.key)(self.x)


def must_have_axes(window: Any, axes: int, key: Key, field: str) -> None:
    """Refuse height and width where there are only steps."""
    if axes == 1 and isinstance(window, list):
        message = f"`{field}` is {window[0]} x {window[1]}, and the input is a sequence, which has steps alone"
        raise ConfigError(
            Problem("input-rank", message, (*key, field), label="two numbers", help="write the number of steps")
        )


def must_fit(x: Any, window: Any, key: Key, field: str) -> None:
    """Refuse a window that is larger than the feature map it is laid on."""
    sizes = x.shape[1:-1]
    sides = window if isinstance(window, list) else [window] * len(sizes)
    if any(size is not None and size < side for size, side in zip(sizes, sides, strict=True)):
        raise ConfigError(
            Problem(
                "window-too-large",
                f"a window of {' x '.join(map(str, sides))} does not fit {_in_words(sizes)}",
                key=(*key, field),
                label="too large here",
                help="use fewer blocks, a smaller window, or `padding: same`",
            )
        )


def _must_have_several(x: Any, strides: Any, key: Key) -> None:
    """Refuse strides where the feature map has shrunk to one pixel or step."""
    sizes = x.shape[1:-1]
    steps = list(strides) if isinstance(strides, list) else [strides] * len(sizes)
    if max(steps) > 1 and all(size == 1 for size in sizes):
        message = f"strides of {' x '.join(map(str, steps))} have nothing to step over in {_in_words(sizes)}"
        help = "use fewer blocks with strides or pooling, or larger inputs"
        raise ConfigError(Problem("map-too-small", message, (*key, "strides"), label="nothing is left here", help=help))


def part_of(channels: int, by: int, key: Key, field: str) -> int:
    """A part of the channels, of which at least one is left."""
    if channels < by:
        message = f"{count(channels, 'channel')} divided by {by} leave none"
        raise ConfigError(Problem("no-channels", message, (*key, field), label=f"at most {channels}"))
    return channels // by


def _in_words(sizes: Any) -> str:
    if len(sizes) > 1:
        return f"a feature map of {' x '.join(map(str, sizes))}"
    return f"a sequence of {count(sizes[0], 'step')}"
