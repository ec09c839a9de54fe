"""One tree laid on another, as `extends` does."""

from __future__ import annotations

from dataclasses import replace

from dlkit.config.shape import Shape
from dlkit.config.tree import Node


def merge(base: Node, over: Node, shape: Shape) -> Node:
    """`over` laid on `base`: mappings merge, everything else is replaced.

    A mapping that names another optimizer, kind or builder than the one below starts afresh, since the settings of the
    other would be wrong in it.

    Args:
        base: the tree below.
        over: the tree that wins.
        shape: what the schema says of their place.
    """
    if not (isinstance(base.value, list) or isinstance(over.value, list)):
        base, over = shape.expand(base), shape.expand(over)
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    if key := shape.names_by:
        ours, theirs = over.value.get(key), base.value.get(key)
        if ours is not None and theirs is not None and ours.value != theirs.value:
            return over
    if shape.is_step and base.value.keys() != over.value.keys():
        return over
    merged = dict(base.value)
    for part, node in over.value.items():
        below = shape.below(part, over if shape.names_by in over.value else base)
        merged[part] = merge(merged[part], node, below) if part in merged else node
    return replace(over, value=merged)
