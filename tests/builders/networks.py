"""Networks of `builder: cnn` that tests build."""

from __future__ import annotations

from typing import Any

from dlkit.data.bound import Spec, bound
from dlkit.models.build import BuiltModel, build
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping


def built(
    blocks: list[dict[str, Any]] | None, shape: tuple[int, ...], *, ragged: bool = False, **model: Any
) -> BuiltModel:
    """A network of three classes over sequences of steps and channels, or over images of floats.

    Args:
        blocks: those of the network; None where other settings say them.
        shape: of an example.
        ragged: whether sequences are padded.
        model: other settings of the model.
    """
    kind = "sequence" if len(shape) == 2 else "image"
    data = {"inputs": {"x": {"kind": kind, "preprocess": []}}, "targets": {"y": {"kind": "category"}}}
    stated = {"builder": "cnn", **({} if blocks is None else {"blocks": blocks}), **model}
    config = from_mapping({"name": "t", "data": data, "model": stated}, needs_source=False).config
    x = Feature("x", kind, shape, "float32", ragged=ragged)
    y = Feature("y", "category", (), "int32", ("a", "b", "c"))
    return build(config, bound(Spec({"x": x}, {"y": y}), config.data))
