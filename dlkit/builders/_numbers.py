"""A vector of numbers as a network sees it: as it is, or with several numbers for each of its columns."""

from __future__ import annotations

import math
from typing import Any, Literal

from dlkit.config.problems import ConfigError, Problem
from dlkit.encoded import Encoded
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin

initializers, layers, ops = lazy("keras.initializers"), lazy("keras.layers"), lazy("keras.ops")
np = lazy("numpy")

Numbers = Literal["auto", "plain", "piecewise", "periodic"]
# Training rows from which on piecewise-linear numbers pay; on fewer they may do harm.
ENOUGH_ROWS = 2_000
# Numbers that stand for a column, beside its own value.
WIDTH = 8
# Frequencies of a column, and their deviation at the start in cycles a unit, as RealMLP has them (Holzmueller et al.,
# "Better by default", NeurIPS 2024).
FREQUENCIES, CYCLES = 16, 0.1
# Bins narrower than this share of their edges are finer than float32 divides by.
NARROWEST = 1e-5


def has_numbers(given: Encoded) -> bool:
    """Whether an input is a vector of numbers."""
    return not (given.encoding.vocabulary or given.encoding.axes) and len(given.tensor.shape) == 2


def as_numbers(given: Encoded, how: Numbers) -> Any:
    """A vector of numbers with what stands for its columns beside it.

    Args:
        given: an input of which `has_numbers` is true.
        how: what stands for a column; `auto` is `piecewise` where enough training rows were seen, else `plain`.

    Returns:
        Float, shape (batch, features).

    Raises:
        ConfigError: if `piecewise` is asked for, and no quantiles were fitted.
    """
    if how == "auto":
        how = "piecewise" if given.state.get("rows", 0) >= ENOUGH_ROWS else "plain"
    numbers = _pieces(given) if how == "piecewise" else _waves(given) if how == "periodic" else None
    if numbers is None:
        return given.tensor
    columns, before = numbers.shape[1:]
    bound = before**-0.5
    dense = layers.EinsumDense(
        "bct,ctw->bcw",
        (columns, WIDTH),
        activation="relu" if how == "periodic" else None,
        bias_axes="cw",
        # As of a dense layer for each column, which the axes of a kernel for all of them do not say.
        kernel_initializer=initializers.RandomUniform(-bound, bound),
        name=f"{given.name}_columns",
    )
    flat = layers.Flatten(name=f"{given.name}_columns_flatten")(origin(dense, MODEL)(numbers))
    return layers.Concatenate(name=f"{given.name}_numbers")([given.tensor, flat])


def _pieces(given: Encoded) -> Any | None:
    """How far each value is through each bin, from 0 to 1 (Gorishniy et al., "On embeddings for numerical features in
    tabular deep learning", NeurIPS 2022, equation 1).

    Returns:
        Float32, shape (batch, columns, bins); None where no column has two values.

    Raises:
        ConfigError: if no quantiles were fitted.
    """
    edges = _edges(given)
    if len(edges) < 2:
        return None
    # A step may turn the order round. NaN, of a column without values, stays.
    edges = ops.sort(ops.cast(given.prepare(edges), "float32"), axis=0)
    low, high = ops.transpose(edges[:-1]), ops.transpose(edges[1:])
    wide = high - low > NARROWEST * ops.maximum(ops.abs(low), ops.abs(high))
    slope = ops.where(wide, 1 / ops.where(wide, high - low, 1.0), 0.0)
    start = ops.where(wide, -low * slope, 0.0)
    columns, bins = slope.shape
    layer = layers.EinsumDense(
        "bc,ct->bct",
        (columns, bins),
        bias_axes="ct",
        kernel_initializer=lambda shape, dtype=None: ops.cast(slope, dtype),
        bias_initializer=lambda shape, dtype=None: ops.cast(start, dtype),
        trainable=False,
        # Half precision would leave narrow bins out.
        dtype="float32",
        name=f"{given.name}_bins",
    )
    layer.build((None, columns))
    # Its saved form holds the numbers as weights, and no function of dlkit.
    layer.kernel_initializer = layer.bias_initializer = initializers.get("zeros")
    bounded = layers.ReLU(max_value=1, dtype="float32", name=f"{given.name}_pieces")
    return origin(bounded, MODEL)(origin(layer, MODEL)(given.tensor))


def _edges(given: Encoded) -> Any:
    """The quantiles of every column, in raw values, each once: float32, shape (edges, columns).

    Where a column has fewer than another its last one is repeated; NaN where it has none.

    Raises:
        ConfigError: if none were fitted.
    """
    found = given.state.get("quantiles")
    if not found:
        message = f"`{given.name}` has no quantiles of training rows, between which its numbers would be linear"
        help = "they are fitted where a source has rows, with up to 256 columns; write `periodic` or `plain`"
        raise ConfigError(Problem("contradiction", message, ("model", "numbers"), help=help))
    columns = [np.unique(np.asarray(column or [np.nan], np.float32)) for column in found]
    most = max(map(len, columns))
    return np.stack([np.pad(column, (0, most - len(column)), mode="edge") for column in columns], axis=1)


def _waves(given: Encoded) -> Any:
    """Sines and cosines of every column, of frequencies that are trained (the same paper, section 3.3).

    Returns:
        Float32, shape (batch, columns, 2 * frequencies).
    """
    columns = given.tensor.shape[1]
    layer = layers.EinsumDense(
        "bc,ct->bct",
        (columns, FREQUENCIES),
        kernel_initializer=initializers.RandomNormal(stddev=2 * math.pi * CYCLES),
        dtype="float32",
        name=f"{given.name}_frequencies",
    )
    angles = origin(layer, MODEL)(given.tensor)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
