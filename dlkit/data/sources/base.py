"""What every source gives: its splits, its fields, and a way to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dlkit.data.splits import Piece

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class SourceField:
    """One column of a source, as the source holds it.

    Attributes:
        shape: of one example; None for a size that varies, or as a whole where even the rank is unknown.
        dtype: NumPy name of the type, or `string` or `object`.
        classes: names of the classes, in order of their integers; empty where there are none or unknown.
    """

    shape: tuple[int | None, ...] | None
    dtype: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceData:
    """An opened source. It has `arrays`, or `stream` for what can only be read from its start.

    Attributes:
        name: what it is called in messages and fingerprints, with its version where it has one.
        sizes: number of examples by split, None where unknown; empty where not even the splits are known yet.
        fields: columns by name.
        arrays: name of a split to whole columns by field name, which must not be written to.
        stream: pieces to a dataset of single examples, dictionaries by field name. Given a seed, files are read in
            an order that follows from it; given None, examples come in the source's own order.
        notes: lines to show the user.
    """

    name: str
    sizes: Mapping[str, int | None]
    fields: Mapping[str, SourceField]
    arrays: Callable[[str], Mapping[str, np.ndarray]] | None = None
    stream: Callable[[Sequence[Piece], int | None], tf.data.Dataset] | None = None
    notes: tuple[str, ...] = field(default=())


def fields_of(columns: Mapping[str, np.ndarray]) -> dict[str, SourceField]:
    """The fields that arrays tell of themselves."""
    return {name: SourceField(array.shape[1:], type_name(array.dtype)) for name, array in columns.items()}


def type_name(dtype: np.dtype) -> str:
    """`float32` and so on; `string` for all kinds of text, `object` for Python objects."""
    return {"U": "string", "S": "string", "T": "string", "O": "object"}.get(dtype.kind, dtype.name)
