"""Examples that come from Python: arrays, frames or tf.data given to `dlkit.train`, and the functions of plug-ins.

    data = {"train": (x, y), "test": (x, y)}       or (x, y) alone, for training
    data = {"train": frame, "test": frame}         of pandas, polars, Arrow
    data = {"train": dataset_of_single_examples}   tf.data, unbatched

    sources = {"my_kind": my_function}             in a plug-in

`x` and `y` are arrays, series, frames, or dictionaries of arrays by field name where there are several. An iterator
gives single examples, pairs `(x, y)` or dictionaries by field name, all of which are held. A plug-in's function is
called with its settings as keyword arguments and returns, by split, a dictionary of arrays by field name, or what may
be given for a split above. A tf.data dataset yields single examples, `(x, y)` or a dictionary by field name; it is read
from its start in every epoch, so it must give the same examples each time, and should not shuffle by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlkit.lazy import lazy
from dlkit.schema.source import Piece, SourceData, SourceField, Wanted
from dlkit.sources._given_tables import FORMS, bad_data, by_field, table_of

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = lazy("tensorflow")

IN_PYTHON = "given in Python"


def open_given(given: Any, wanted: Wanted, name: str = IN_PYTHON, *, splits_stated: bool = True) -> SourceData:
    """A source over examples given in Python.

    Args:
        given: by split, `(x, y)`, a dictionary of arrays by field name, a data frame, an iterator over single examples,
            or a `tf.data.Dataset` of them; or one of these alone, which means the split `train`.
        wanted: says which fields the bare arrays of `(x, y)` are: those of the only input and the only target.
        name: how messages call it.
        splits_stated: whether the configuration says which splits are used; any name is right then.

    Raises:
        RunError: anything else, columns of different length, or splits of different columns.
    """
    if not isinstance(given, Mapping):
        given = {"train": given}
    if not given or not all(isinstance(split, str) for split in given):
        raise bad_data("given-data", f"the data {name} has no splits", FORMS)
    # With `splits` in the configuration a split may bear any name; without, these three are all that is used.
    unused = [split for split in given if split not in ("train", "validation", "test")]
    if unused and "train" in given and not splits_stated:
        message = f"the data {name} has a split `{unused[0]}`, which nothing would use"
        raise bad_data("given-data", message, "splits are called train, validation and test")
    if all(isinstance(value, tf.data.Dataset) for value in given.values()):
        return _streams({split: _named(dataset, wanted) for split, dataset in given.items()}, name)
    if any(isinstance(value, tf.data.Dataset) for value in given.values()):
        raise bad_data("given-data", f"the data {name} mixes arrays and tf.data", "give all splits alike")
    tables = {split: table_of(split, value, wanted) for split, value in given.items()}
    fields = {split: {n: column.field for n, column in table.columns.items()} for split, table in tables.items()}
    _same_fields(fields, name)
    arrays = {split: {n: c.array for n, c in t.columns.items() if c.array is not None} for split, t in tables.items()}
    ragged = {n for by_name in fields.values() for n, one in by_name.items() if one.ragged}
    found = {n: replace(one, ragged=n in ragged) for n, one in next(iter(fields.values())).items()}
    others = tuple(dict.fromkeys(n for table in tables.values() for n in table.others))
    return SourceData(name, {split: t.size for split, t in tables.items()}, found, arrays.__getitem__, others=others)


def _named(dataset: tf.data.Dataset, wanted: Wanted) -> tf.data.Dataset:
    """The dataset with dictionaries by field name as elements."""
    if isinstance(dataset.element_spec, Mapping):
        return dataset
    if isinstance(dataset.element_spec, tuple) and len(dataset.element_spec) == 2:
        return dataset.map(lambda x, y: by_field(x, y, wanted), num_parallel_calls=tf.data.AUTOTUNE)
    raise bad_data("given-data", "the tf.data.Dataset does not give pairs (x, y)", FORMS)


def _streams(datasets: Mapping[str, tf.data.Dataset], name: str) -> SourceData:
    fields = {split: _element_fields(dataset) for split, dataset in datasets.items()}
    _same_fields(fields, name)
    sizes = {split: _cardinality(split, dataset) for split, dataset in datasets.items()}

    def stream(pieces: Sequence[Piece], seed: int | None) -> tf.data.Dataset:
        parts = []
        for piece in pieces:
            part = datasets[piece.split].skip(piece.start)
            # Up to its end it is read until it ends, so that one which gives more than it promised is found.
            whole = piece.stop is None or piece.stop == sizes[piece.split]
            parts.append(part if whole else part.take((piece.stop or 0) - piece.start))
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.concatenate(part)
        return joined

    return SourceData(name, sizes, next(iter(fields.values())), stream=stream)


def _element_fields(dataset: tf.data.Dataset) -> dict[str, SourceField]:
    fields = {}
    for name, spec in dataset.element_spec.items():
        if not isinstance(spec, tf.TensorSpec):
            raise bad_data("given-data", f"`{name}` of the tf.data.Dataset is not a plain tensor", FORMS)
        shape = None if spec.shape.rank is None else tuple(spec.shape)
        fields[name] = SourceField(shape, spec.dtype.name)
    return fields


def _cardinality(split: str, dataset: tf.data.Dataset) -> int | None:
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY:
        message = f"the tf.data.Dataset of split `{split}` never ends"
        raise bad_data("given-data", message, "leave out `repeat()`; dlkit counts the epochs")
    return None if cardinality == tf.data.UNKNOWN_CARDINALITY else cardinality


def _same_fields(fields: Mapping[str, Mapping[str, SourceField]], name: str) -> None:
    """Refuse splits that differ in their fields, or in the shapes of those."""
    (first, expected), *others = fields.items()
    for split, found in others:
        if set(found) != set(expected):
            message = f"the data {name} has fields {sorted(expected)} in `{first}` and {sorted(found)} in `{split}`"
            raise bad_data("given-data", message, "give every split the same fields")
