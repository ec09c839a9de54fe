"""Columns that a script reads from the source itself, by a function of a few lines that the source says."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dlkit.data.contract import Rows, Splits
from dlkit.data.load import open_source
from dlkit.export.script.code import Code, flat, literal
from dlkit.export.script.objects import Needs
from dlkit.schema.source import SourceData
from dlkit.training.prepare import Prepared


class Plain(NamedTuple):
    """What a script reads of its source.

    Attributes:
        columns: code of an input or target, by its name; `source` and `rows` are those of the split.
        function: lines of the function `column` of a name and a split of the source, and imports that it needs.
        rows: by split, the split of the source and the rows of it.
    """

    columns: dict[str, Code]
    function: tuple[str, ...]
    imports: tuple[str, ...]
    rows: dict[str, tuple[str, Code]]


NOTHING = Plain({}, (), (), {})


def plain_columns(prepared: Prepared, raw: Splits, needs: Needs) -> Plain:
    """What can be read from the source: the columns whose values are those of the arrays, which are then left out.

    Args:
        prepared: data and model.
        raw: the data as the source gives them.
        needs: has an array for each input and target in each split.
    """
    settings = prepared.config.data.source
    read = None if settings is None else settings.in_python()
    if read is None:
        return NOTHING
    opened = open_source(prepared.config.data)
    found = {name: _rows(split, opened) for name, split in raw.by_name.items()}
    if opened.arrays is None or None in found.values():
        return NOTHING
    places = {name: place for name, place in found.items() if place is not None}
    spec, columns = prepared.built.spec, {}
    for name, bound in {**spec.inputs, **spec.targets}.items():
        code = _column(name, bound.columns, opened, places, needs)
        if code is not None:
            columns[name] = code
    if not columns:
        return NOTHING
    for name in columns:
        for split in places:
            del needs.arrays[f"{name}_{split}"]
    rows = {split: (source, _said(split, numbers, needs)) for split, (source, numbers) in places.items()}
    function, imports = read
    return Plain(columns, tuple(function), tuple(imports), rows)


def _rows(split: Any, opened: SourceData) -> tuple[str, np.ndarray] | None:
    """The split of the source that all rows of a split are of, and their numbers; None where there is none."""
    if not isinstance(split, Rows) or split.ids is None:
        return None
    start = 0
    for name, size in opened.sizes.items():
        if len(split.ids) and start <= split.ids.min() and split.ids.max() < start + (size or 0):
            return name, split.ids - start
        start += size or 0
    return None


def _column(
    name: str, columns: tuple[str, ...], opened: SourceData, places: dict[str, tuple[str, np.ndarray]], needs: Needs
) -> Code | None:
    """The code that reads an input or target; None where its values are not those of one column."""
    if len(columns) != 1 or opened.arrays is None:
        return None
    more = ""
    for split, (source, numbers) in places.items():
        held, wanted = opened.arrays(source)[columns[0]], needs.arrays[f"{name}_{split}"]
        if held.dtype.kind not in "biuf":
            return None
        values = held[numbers]
        if values.size != wanted.size or not np.array_equal(
            values.reshape(wanted.shape).astype(wanted.dtype), wanted, equal_nan=wanted.dtype.kind == "f"
        ):
            return None
        shape = "" if values.shape == wanted.shape else f".reshape{flat(literal((-1, *wanted.shape[1:])))}"
        more = shape + ("" if values.dtype == wanted.dtype else f".astype({flat(literal(wanted.dtype.name))})")
    return f"column({flat(literal(columns[0]))}, source)[rows]{more}"


def _said(split: str, numbers: np.ndarray, needs: Needs) -> Code:
    """Rows as a slice, or as an array beside the script."""
    first, last = int(numbers[0]), int(numbers[-1])
    if np.array_equal(numbers, np.arange(first, last + 1)):
        return f"slice({first}, {last + 1})"
    return needs.add(f"{split}_rows", numbers)
