"""The convolutional network."""

from __future__ import annotations

from typing import Any

from keras import layers

from dlkit.config.problems import ConfigError, Problem
from dlkit.config.schema.model import Cnn, ConvBlock
from dlkit.models.mlp import dense_stack, drop
from dlkit.origins import origin

POOLING = ("model", "pooling")


def cnn(inputs: dict[str, Any], settings: Cnn) -> Any:
    """Convolution blocks, a pooling to one vector, dense layers.

    Args:
        inputs: one batch of images, shape (batch, height, width, channels).
        settings: blocks, pooling, dense layers.

    Returns:
        Features, float, shape (batch, features).

    Raises:
        ConfigError: if a block is given fewer rows or columns than its window needs.
    """
    (x,) = inputs.values()
    must_have_rank(x, (4,), "a CNN takes images of height, width and channels")
    for number, block in enumerate(settings.blocks):
        x = conv_block(x, block, number)
    if settings.pooling == "average":
        x = origin(layers.GlobalAveragePooling2D(name="pool"), POOLING)(x)
    elif settings.pooling == "max":
        x = origin(layers.GlobalMaxPooling2D(name="pool"), POOLING)(x)
    else:
        x = origin(layers.Flatten(name="flatten"), POOLING)(x)
    return dense_stack(x, settings)


def must_have_rank(x: Any, ranks: tuple[int, ...], told: str) -> None:
    """Refuse an input with another number of axes, the batch included."""
    if len(x.shape) not in ranks:
        shape = " x ".join(map(str, x.shape[1:])) or "a single number"
        help = (
            "add the axis of channels, as in (28, 28, 1)" if len(x.shape) == min(ranks) - 1 else "use another builder"
        )
        raise ConfigError(Problem("input-rank", f"{told}, the input is {shape}", key=("model", "builder"), help=help))


def conv_block(x: Any, block: ConvBlock, number: int) -> Any:
    """One block: convolution, normalisation, activation, pooling, dropout, each if asked for."""
    if block.padding == "valid":
        _must_fit(x, block.kernel_size, number, "kernel_size")
    plain, name, key = not block.batch_normalization, f"conv_{number + 1}", ("model", "blocks", number)
    convolution = layers.Conv2D(
        block.filters,
        block.kernel_size,
        strides=block.strides,
        padding=block.padding,
        activation=block.activation if plain else None,
        use_bias=plain,
        name=name,
    )
    x = origin(convolution, key)(x)
    if not plain:
        x = origin(layers.BatchNormalization(name=f"{name}_norm"), key)(x)
        x = origin(layers.Activation(block.activation, name=f"{name}_activation"), key)(x)
    if block.pool_size is not None:
        _must_fit(x, block.pool_size, number, "pool_size")
        x = origin(layers.MaxPooling2D(block.pool_size, name=f"{name}_pool"), key)(x)
    return drop(x, block.dropout, name, key)


def _must_fit(x: Any, window: int | list[int], number: int, field: str) -> None:
    """Refuse a window that is larger than the feature map it is laid on."""
    rows, columns = (window, window) if isinstance(window, int) else window
    height, width = x.shape[1:3]
    if (height is not None and height < rows) or (width is not None and width < columns):
        raise ConfigError(
            Problem(
                "window-too-large",
                f"a window of {rows} x {columns} does not fit a feature map of {height} x {width}",
                key=("model", "blocks", number, field),
                label="too large here",
                help="use fewer blocks, a smaller window, or `padding: same`",
            )
        )
