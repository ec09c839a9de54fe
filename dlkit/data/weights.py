"""Weights of examples: the column that a configuration names, over arrays and in a stream."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dlkit.config.problems import ConfigError, Problem
from dlkit.data.values import RowPlace
from dlkit.schema.source import SourceField


def check_column(column: SourceField) -> None:
    """Refuse a column of weights that does not have one number for each example.

    Raises:
        ConfigError: naming what it has.
    """
    wrong = "are text, not numbers" if column.dtype == "string" else ""
    wrong = "are Python objects, not numbers" if column.dtype == "object" else wrong
    if column.shape not in (None, (), (1,)):
        wrong = f"have the shape {list(column.shape)}"
    if wrong:
        help = "name a column with one number for each example"
        raise ConfigError(
            Problem("bad-weights", f"the weights of the examples {wrong}", ("data", "weights"), help=help)
        )


def of_rows(values: np.ndarray, place: RowPlace) -> np.ndarray:
    """The weight of each example of a split: float32, shape (examples,).

    Raises:
        RunError: negative weights, NaN, or all 0.
    """
    weights = place.finite(values.reshape(len(values)), help="give every example a weight; 0 leaves it out")
    if (wrong := np.flatnonzero(weights < 0)).size:
        message = f"{place.row(wrong[0])} has the weight {weights[wrong[0]]:g}"
        raise place.run_error("bad-weights", message, "weights are 0 or more")
    if not weights.any():
        raise place.run_error("bad-weights", "every example has the weight 0", "give at least one example a weight")
    return weights


def of_example(value: tf.Tensor) -> tf.Tensor:
    """The weight of an example: float32, shape (); one that is negative or not finite stops the stream."""
    weight = tf.reshape(tf.cast(value, tf.float32), [])
    right = tf.logical_and(tf.math.is_finite(weight), weight >= 0)
    with tf.control_dependencies([tf.debugging.Assert(right, ["the weight of an example is not 0 or more:", weight])]):
        return tf.identity(weight)
