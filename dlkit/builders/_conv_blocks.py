"""A block of a convolutional network, over images or over sequences: its settings and its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._dense import drop
from dlkit.builders._masked import LOWEST, filled, of_first_steps, of_whole_windows
from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.base import Activation, Fraction, Positive, Section

layers, ops = lazy("keras.layers"), lazy("keras.ops")

Size = Positive | Annotated[list[Positive], Field(min_length=2, max_length=2)]


class ConvBlock(Section):
    """A convolution, then, each if given, batch normalisation, activation, pooling and dropout."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "filters": "channels, out_channels, units, features",
        "kernel_size": "kernel, window, size",
        "strides": "stride",
        "batch_normalization": "batch_norm, batchnorm, bn, norm",
        "pool_size": "pool, pooling, max_pool, maxpool",
        "dropout": "dropout_rate",
    }

    filters: Positive = Field(description="Output channels of the convolution.")
    kernel_size: Size = Field(3, description="Side of the square window, or its height and width; steps of a sequence.")
    strides: Size = Field(1, description="Step of the window, or its steps down and across.")
    padding: Literal["valid", "same"] = Field("valid", description="`same` keeps the size, `valid` drops the border.")
    activation: Activation = Field("relu", description="Activation after the convolution.")
    batch_normalization: bool = Field(False, description="Normalise before the activation.")
    pool_size: Size | None = Field(None, description="Window of the max-pooling that follows; null for none.")
    dropout: Fraction = Field(0.0, description="Share of values dropped at the end of the block in training.")

    def build(self, x: Any, mask: Any, number: int, prefix: str) -> tuple[Any, Any]:
        """The layers of the block.

        Args:
            x: float, shape (batch, height, width, channels) or (batch, steps, channels); 0 where the mask is False.
            mask: bool, shape (batch, steps); None where every step is there.
            number: of the block, from 0.
            prefix: of the names of its layers.

        Returns:
            Its output and that output's mask.

        Raises:
            ConfigError: if a window does not fit what it is laid on.
        """
        name, key = f"{prefix}conv_{number + 1}", ("model", "blocks", number)
        axes = len(x.shape) - 2
        for field in ("kernel_size", "strides", "pool_size"):
            _must_have_axes(getattr(self, field), axes, number, field)
        if self.padding == "valid":
            _must_fit(x, self.kernel_size, number, "kernel_size")
        plain = not self.batch_normalization
        convolution = (layers.Conv1D, layers.Conv2D)[axes - 1](
            self.filters,
            self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            activation=self.activation if plain else None,
            use_bias=plain,
            name=name,
        )
        x = origin(convolution, key)(x)
        if mask is not None and self.padding == "same":
            mask = of_first_steps(mask, self.strides)
        elif mask is not None:
            mask = of_whole_windows(mask, self.kernel_size, self.strides)
        if not plain:
            masks = {} if mask is None else {"mask": mask}
            x = origin(layers.BatchNormalization(name=f"{name}_norm"), key)(x, **masks)
            x = origin(layers.Activation(self.activation, name=f"{name}_activation"), key)(x)
        if self.pool_size is not None:
            x, mask = self._pooled(x, mask, number, name)
        return drop(filled(x, mask), self.dropout, name, key), mask

    def _pooled(self, x: Any, mask: Any, number: int, name: str) -> tuple[Any, Any]:
        """The largest of each window; of sequences with a mask, of what is there, the last incomplete window too."""
        size = self.pool_size
        if mask is None:
            _must_fit(x, size, number, "pool_size")
        else:
            rest = [[0, 0], [0, -x.shape[1] % size], [0, 0]]
            x, mask = ops.pad(filled(x, mask, LOWEST), rest, constant_values=LOWEST), of_first_steps(mask, size)
        pool = (layers.MaxPooling1D, layers.MaxPooling2D)[len(x.shape) - 3](size, name=f"{name}_pool")
        return origin(pool, ("model", "blocks", number))(x), mask


def _must_have_axes(window: Any, axes: int, number: int, field: str) -> None:
    """Refuse height and width where there are only steps."""
    if axes == 1 and isinstance(window, list):
        message = f"`{field}` is {window[0]} x {window[1]}, and the input is a sequence, which has steps alone"
        key = ("model", "blocks", number, field)
        raise ConfigError(Problem("input-rank", message, key, label="two numbers", help="write the number of steps"))


def _must_fit(x: Any, window: Any, number: int, field: str) -> None:
    """Refuse a window that is larger than the feature map it is laid on."""
    sizes = x.shape[1:-1]
    sides = window if isinstance(window, list) else [window] * len(sizes)
    if any(size is not None and size < side for size, side in zip(sizes, sides, strict=True)):
        shape = " x ".join(map(str, sizes))
        what = f"a feature map of {shape}" if len(sizes) > 1 else f"a sequence of {count(sizes[0], 'step')}"
        raise ConfigError(
            Problem(
                "window-too-large",
                f"a window of {' x '.join(map(str, sides))} does not fit {what}",
                key=("model", "blocks", number, field),
                label="too large here",
                help="use fewer blocks, a smaller window, or `padding: same`",
            )
        )
