"""The examples of a split as a table of numbers, codes and texts: what is not an image, sound or sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlkit.config.problems import Key
from dlkit.data.bound import Input, Spec
from dlkit.data.contract import Rows


@dataclass(frozen=True)
class Table:
    """Columns of numbers and codes, before any preprocessing.

    Attributes:
        values: float64, shape (examples, columns); NaN for what is missing.
        names: of the columns.
        codes: bool, shape (columns,): whether its values are codes, whose order says nothing.
        keys: by column, the path of the settings of its input.
    """

    values: np.ndarray
    names: tuple[str, ...]
    codes: np.ndarray
    keys: tuple[Key, ...]


def width(spec: Spec) -> int:
    """Number of columns of the table that a spec's inputs give."""
    return sum(int(np.prod(bound.shape)) for bound in spec.inputs.values() if bound.settings.in_tables in _NUMERIC)


def table(spec: Spec, split: Rows, rows: np.ndarray) -> Table | None:
    """Some examples of a split as a table; None where no input has columns for one.

    Args:
        spec: says what the inputs are.
        split: as the source gives it, before the host stage.
        rows: int64 numbers of the examples.
    """
    found: list[tuple[str, np.ndarray, bool, Key]] = []
    for bound, values in _read(spec, split, rows, _NUMERIC):
        columns = bound.settings.as_columns(values, bound)
        codes = bound.settings.in_tables == "codes"
        found += [(name, column, codes, bound.key) for name, column in columns.items()]
    if not found:
        return None
    names, columns, codes, keys = zip(*found, strict=True)
    return Table(np.stack(columns, axis=1), names, np.array(codes), keys)


def texts(spec: Spec, split: Rows, rows: np.ndarray) -> np.ndarray | None:
    """The texts of some examples, those of several columns joined: objects, shape (examples,); None where none are."""
    columns = [
        column.astype(object)
        for bound, values in _read(spec, split, rows, ("texts",))
        for column in bound.settings.as_columns(values, bound).values()
    ]
    return sum((" " + column for column in columns[1:]), columns[0]) if columns else None


def sampled(size: int, most: int) -> np.ndarray:
    """Numbers of `most` of `size` rows in their order, drawn without regard to it; all where there are no more."""
    if size <= most:
        return np.arange(size)
    return np.sort(np.random.default_rng(0).choice(size, most, replace=False))


_NUMERIC = ("numbers", "codes")


def _read(spec: Spec, split: Rows, rows: np.ndarray, what: Collection[str]) -> Iterator[tuple[Input, Any]]:
    """The inputs that have such columns, and their values; what has none is not decoded."""
    bounds = [bound for bound in spec.inputs.values() if bound.settings.in_tables in what]
    unread = split.make is not None and any(bound.name not in split.held.inputs for bound in bounds)
    made = split.make(rows) if unread and split.make is not None else {}
    for bound in bounds:
        held = split.held.inputs.get(bound.name)
        yield bound, made[bound.name] if held is None else held[rows]
