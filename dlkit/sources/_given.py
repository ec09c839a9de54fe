"""Examples that come from Python: arrays or tf.data given to `dlkit.train`, and the functions of plug-ins.

    data = {"train": (x, y), "test": (x, y)}       or (x, y) alone, for training
    data = {"train": dataset_of_single_examples}   tf.data, unbatched

    sources = {"my_kind": my_function}             in a plug-in

`x` and `y` are arrays, or dictionaries of arrays by field name where there are several. A plug-in's function is
called with its settings as keyword arguments and returns, by split, a dictionary of arrays by field name, or what may
be given for a split above. A tf.data dataset yields single examples, `(x, y)` or a dictionary by field name; it is read
from its start in every epoch, so it must give the same examples each time, and should not shuffle by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlkit.config.problems import Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.source import Piece, SourceData, SourceField, Wanted, fields_of, type_name

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
else:
    np, tf = lazy("numpy"), lazy("tensorflow")

IN_PYTHON = "given in Python"
_KEY = ("data",)
_FORMS = (
    'give {"train": (x, y), "test": (x, y)}, with arrays, or dictionaries of arrays by name, '
    "or an unbatched tf.data.Dataset"
)


def open_given(given: Any, wanted: Wanted, name: str = IN_PYTHON, *, splits_stated: bool = True) -> SourceData:
    """A source over examples given in Python.

    Args:
        given: by split, `(x, y)`, a dictionary of arrays by field name, or a `tf.data.Dataset` of single examples;
            or `(x, y)` or a dataset alone, which means the split `train`.
        wanted: says which fields the bare arrays of `(x, y)` are: those of the only input and the only target.
        name: how messages call it.
        splits_stated: whether the configuration says which splits are used; any name is right then.

    Raises:
        RunError: anything else, columns of different length, or splits of different columns.
    """
    if not isinstance(given, Mapping):
        given = {"train": given}
    if not given or not all(isinstance(split, str) for split in given):
        raise _problem("given-data", f"the data {name} has no splits", _FORMS)
    # With `splits` in the configuration a split may bear any name; without, these three are all that is used.
    unused = [split for split in given if split not in ("train", "validation", "test")]
    if unused and "train" in given and not splits_stated:
        message = f"the data {name} has a split `{unused[0]}`, which nothing would use"
        raise _problem("given-data", message, "splits are called train, validation and test")
    if all(isinstance(value, tf.data.Dataset) for value in given.values()):
        return _streams({split: _named(dataset, wanted) for split, dataset in given.items()}, name)
    if any(isinstance(value, tf.data.Dataset) for value in given.values()):
        raise _problem("given-data", f"the data {name} mixes arrays and tf.data", "give all splits alike")
    ragged: set[str] = set()
    columns = {split: _columns(split, value, wanted, ragged) for split, value in given.items()}
    fields = {split: fields_of(by_name) for split, by_name in columns.items()}
    _same_fields(fields, name)
    sizes = {split: len(next(iter(by_name.values()))) for split, by_name in columns.items()}
    found = {n: replace(one, ragged=n in ragged) for n, one in next(iter(fields.values())).items()}
    return SourceData(name, sizes, found, columns.__getitem__)


def _columns(split: str, value: Any, wanted: Wanted, ragged: set[str]) -> dict[str, np.ndarray]:
    """The arrays of a split by field; the names of those whose examples differ in length go into `ragged`."""
    if isinstance(value, Mapping):
        parts = dict(value)
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        parts = _by_field(value[0], value[1], wanted)
    elif isinstance(value, tuple) and len(value) == 3:
        help = 'name the weights, as in `data.weights: w`, and give them as a column: (x, {"y": y, "w": w})'
        raise _problem("given-data", f"split `{split}` is given as three parts, and there are two", help)
    else:
        raise _problem("given-data", f"split `{split}` is given as {type(value).__name__}", _FORMS)
    columns = {name: _array(split, name, part, ragged) for name, part in parts.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        message = ", ".join(f"`{name}` has {length:,}" for name, length in lengths.items()) or "it has no fields"
        raise _problem("length-mismatch", f"split `{split}`: {message}", "give every column one row for each example")
    return columns


def _by_field(x: Any, y: Any, wanted: Wanted) -> dict[str, Any]:
    """Both parts of `(x, y)` in one dictionary by field name."""
    inputs = x if isinstance(x, Mapping) else {_only(wanted.inputs, "input"): x}
    targets = y if isinstance(y, Mapping) else {_only(wanted.targets, "target"): y}
    twice = [name for name in inputs if name in targets and inputs[name] is not targets[name]]
    if twice:
        help = "name the fields differently, with `column:` in the configuration"
        raise _problem("given-data", f"`{twice[0]}` is given both as an input and as a target", help)
    return {**inputs, **targets}


def _only(columns: Sequence[str], what: str) -> str:
    if len(columns) > 1:
        message = f"the configuration reads {len(columns)} {what} columns, and a single array is given for them"
        raise _problem("given-data", message, f"give a dictionary of arrays by name: {', '.join(columns)}")
    return columns[0]


def _array(split: str, name: str, value: Any, ragged: set[str]) -> np.ndarray:
    try:
        array, padded = _as_array(value)
        if padded:
            ragged.add(name)
    except _UnevenError:
        message = f"`{name}` of split `{split}` has rows that differ in length, or in more than that"
        raise _problem(
            "given-data", message, "give rows of one shape; of numbers, their lengths alone may differ"
        ) from None
    except Exception as error:  # frames of mixed types, tensors without values
        raise _problem("given-data", f"`{name}` of split `{split}` is no array ({error})", _FORMS) from error
    nested = type_name(array.dtype) == "object" and any(np.ndim(item) for item in array.reshape(-1)[:1000])
    if array.ndim == 0 or nested:
        message = f"`{name}` of split `{split}` is {type(value).__name__}, not an array with a row for each example"
        raise _problem("given-data", message, _FORMS)
    return array


class _UnevenError(ValueError):
    """Rows that no array holds."""


def _as_array(value: Any) -> tuple[np.ndarray, bool]:
    """An array of what was given, and whether its rows had unequal lengths and are padded with NaN at their ends.

    Raises:
        _UnevenError: for rows of unequal lengths that hold no numbers, or differ in more than their first axis.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        return _padded(value), True
    if array.dtype.kind == "U" and array.ndim == 1 and not isinstance(value, np.ndarray):
        items = list(value)
        if not all(isinstance(item, str) for item in items):  # NumPy would make text of the others
            return np.array(items, object), False
    return array, False


def _padded(value: Any) -> np.ndarray:
    try:
        items = [np.asarray(item) for item in value]
    except ValueError:
        raise _UnevenError from None
    numbers = all(item.ndim and item.dtype.kind in "iuf" for item in items)
    if not numbers or len({item.shape[1:] for item in items}) != 1:
        raise _UnevenError
    shape = (len(items), max(map(len, items)), *items[0].shape[1:])
    padded = np.full(shape, np.nan, np.result_type(*items, np.float32))
    for row, item in zip(padded, items, strict=True):
        row[: len(item)] = item
    return np.asarray(padded)


def _named(dataset: tf.data.Dataset, wanted: Wanted) -> tf.data.Dataset:
    """The dataset with dictionaries by field name as elements."""
    if isinstance(dataset.element_spec, Mapping):
        return dataset
    if isinstance(dataset.element_spec, tuple) and len(dataset.element_spec) == 2:
        return dataset.map(lambda x, y: _by_field(x, y, wanted), num_parallel_calls=tf.data.AUTOTUNE)
    raise _problem("given-data", "the tf.data.Dataset does not give pairs (x, y)", _FORMS)


def _streams(datasets: Mapping[str, tf.data.Dataset], name: str) -> SourceData:
    fields = {split: _element_fields(dataset) for split, dataset in datasets.items()}
    _same_fields(fields, name)
    sizes = {split: _cardinality(split, dataset) for split, dataset in datasets.items()}

    def stream(pieces: Sequence[Piece], seed: int | None) -> tf.data.Dataset:
        parts = []
        for piece in pieces:
            part = datasets[piece.split].skip(piece.start)
            parts.append(part if piece.stop is None else part.take(piece.stop - piece.start))
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.concatenate(part)
        return joined

    return SourceData(name, sizes, next(iter(fields.values())), stream=stream)


def _element_fields(dataset: tf.data.Dataset) -> dict[str, SourceField]:
    fields = {}
    for name, spec in dataset.element_spec.items():
        if not isinstance(spec, tf.TensorSpec):
            raise _problem("given-data", f"`{name}` of the tf.data.Dataset is not a plain tensor", _FORMS)
        shape = None if spec.shape.rank is None else tuple(spec.shape)
        fields[name] = SourceField(shape, spec.dtype.name)
    return fields


def _cardinality(split: str, dataset: tf.data.Dataset) -> int | None:
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY:
        message = f"the tf.data.Dataset of split `{split}` never ends"
        raise _problem("given-data", message, "leave out `repeat()`; dlkit counts the epochs")
    return None if cardinality == tf.data.UNKNOWN_CARDINALITY else cardinality


def _same_fields(fields: Mapping[str, Mapping[str, SourceField]], name: str) -> None:
    """Refuse splits that differ in their fields, or in the shapes of those."""
    (first, expected), *others = fields.items()
    for split, found in others:
        if set(found) != set(expected):
            message = f"the data {name} has fields {sorted(expected)} in `{first}` and {sorted(found)} in `{split}`"
            raise _problem("given-data", message, "give every split the same fields")


def _problem(code: str, message: str, help: str) -> RunError:
    return RunError(Problem(code, message, _KEY, help=help))
