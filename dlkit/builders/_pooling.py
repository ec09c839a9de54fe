"""From an image or sequence to a vector: the mean or largest of each channel, or a mean by weights that are learned."""

from __future__ import annotations

from typing import Any

from dlkit.builders import _masked
from dlkit.config.problems import Key
from dlkit.encoded import masked_mean
from dlkit.lazy import lazy
from dlkit.origins import origin

layers, ops = lazy("keras.layers"), lazy("keras.ops")


def pooled(x: Any, mask: Any, how: str, prefix: str, key: Key) -> Any:
    """One vector for each image or sequence, of the steps that are there.

    Args:
        x: float, shape (batch, height, width, channels) or (batch, steps, channels).
        mask: bool, shape (batch, steps); None where every step is there.
        how: `average`, `max` or, of sequences, `attention`.
        prefix: of the names of its layers.
        key: of the setting.

    Returns:
        Float, shape (batch, channels); 0 where no step is there.
    """
    if how == "attention":
        return _attended(x, mask, prefix, key)
    if mask is not None:
        return masked_mean(x, mask) if how == "average" else _masked.largest(x, mask)
    pool = f"Global{'Average' if how == 'average' else 'Max'}Pooling{len(x.shape) - 2}D"
    return origin(getattr(layers, pool)(name=f"{prefix}pool"), key)(x)


def _attended(x: Any, mask: Any, prefix: str, key: Key) -> Any:
    """The mean over steps by weights that a small network gives each (Yang et al., "Hierarchical attention networks for
    document classification", NAACL 2016, equations 5 to 7).
    """
    hidden = origin(layers.Dense(x.shape[-1], activation="tanh", name=f"{prefix}attention"), key)(x)
    scores = origin(layers.Dense(1, use_bias=False, name=f"{prefix}attention_scores"), key)(hidden)
    weights = ops.softmax(_masked.filled(scores, mask, _masked.LOWEST), axis=1)
    return ops.sum(_masked.filled(x, mask) * weights, axis=1)
