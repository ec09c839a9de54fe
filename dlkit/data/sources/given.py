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

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.config.problems import DlkitError, Problem, RunError
from dlkit.config.schema.data import Data
from dlkit.data.sources.base import SourceData, SourceField, fields_of, type_name
from dlkit.data.splits import Piece

PluginSource = Callable[..., Mapping[str, Any]]
_KEY = ("data",)
_FORMS = (
    'give {"train": (x, y), "test": (x, y)}, with arrays, or dictionaries of arrays by name, '
    "or an unbatched tf.data.Dataset"
)


def open_given(given: Any, data: Data, name: str = "given in Python") -> SourceData:
    """A source over examples given in Python.

    Args:
        given: by split, `(x, y)`, a dictionary of arrays by field name, or a `tf.data.Dataset` of single examples;
            or `(x, y)` or a dataset alone, which means the split `train`.
        data: says which fields the bare arrays of `(x, y)` are: those of the only input and the only target.
        name: how messages call it.

    Raises:
        RunError: anything else, fields of different length, or splits of different fields.
    """
    if not isinstance(given, Mapping):
        given = {"train": given}
    if not given or not all(isinstance(split, str) for split in given):
        raise _problem("given-data", f"the data {name} has no splits", _FORMS)
    # With `splits` in the configuration a split may bear any name; without, these three are all that is used.
    unused = [split for split in given if split not in ("train", "validation", "test")]
    if unused and "train" in given and data.splits is None and name == "given in Python":
        told = f"the data {name} has a split `{unused[0]}`, which nothing would use"
        raise _problem("given-data", told, "splits are called train, validation and test")
    if all(isinstance(value, tf.data.Dataset) for value in given.values()):
        return _streams({split: _named(dataset, data) for split, dataset in given.items()}, name)
    if any(isinstance(value, tf.data.Dataset) for value in given.values()):
        raise _problem("given-data", f"the data {name} mixes arrays and tf.data", "give all splits alike")
    columns = {split: _columns(split, value, data) for split, value in given.items()}
    fields = {split: fields_of(by_name) for split, by_name in columns.items()}
    _same_fields(fields, name)
    sizes = {split: len(next(iter(by_name.values()))) for split, by_name in columns.items()}
    return SourceData(name, sizes, next(iter(fields.values())), columns.__getitem__)


def open_plugin(kind: str, function: PluginSource, settings: Mapping[str, Any], data: Data) -> SourceData:
    """The source that a plug-in's function makes of its settings.

    Raises:
        RunError: if the function fails or returns something else than examples.
    """
    try:
        returned = function(**settings)
    except DlkitError:
        raise
    except Exception as error:
        told = f"the source `{kind}` failed: {type(error).__name__}: {error}"
        help = "mend the function in the plug-in"
        raise RunError(Problem("plugin-source-failed", told, ("data", "source"), help=help)) from error
    if not isinstance(returned, Mapping):
        help = "return a dictionary of splits, each a dictionary of arrays by field name"
        told = f"the source `{kind}` returned {type(returned).__name__}, not examples by split"
        raise RunError(Problem("plugin-source-failed", told, ("data", "source"), help=help))
    return open_given(returned, data, f"from source `{kind}`")


def _columns(split: str, value: Any, data: Data) -> dict[str, np.ndarray]:
    if isinstance(value, Mapping):
        parts = dict(value)
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        parts = _by_field(value[0], value[1], data)
    else:
        raise _problem("given-data", f"split `{split}` is given as {type(value).__name__}", _FORMS)
    columns = {name: _array(split, name, part) for name, part in parts.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"`{name}` has {length:,}" for name, length in lengths.items()) or "it has no fields"
        raise _problem("length-mismatch", f"split `{split}`: {told}", "give every field one row for each example")
    return columns


def _by_field(x: Any, y: Any, data: Data) -> dict[str, Any]:
    """Both parts of `(x, y)` in one dictionary by field name."""
    inputs = x if isinstance(x, Mapping) else {_only(data.inputs, "input"): x}
    targets = y if isinstance(y, Mapping) else {_only(data.targets, "target"): y}
    twice = [name for name in inputs if name in targets and inputs[name] is not targets[name]]
    if twice:
        help = "name the fields differently, with `field:` in the configuration"
        raise _problem("given-data", f"`{twice[0]}` is given both as an input and as a target", help)
    return {**inputs, **targets}


def _only(features: Mapping[str, Any], what: str) -> str:
    if len(features) > 1:
        told = f"the configuration has {len(features)} {what}s, and a single array is given for them"
        raise _problem("given-data", told, f"give a dictionary of arrays by name: {', '.join(features)}")
    ((name, settings),) = features.items()
    return settings.field or name


def _array(split: str, name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except Exception as error:  # ragged lists, frames of mixed types, tensors without values
        raise _problem("given-data", f"`{name}` of split `{split}` is no array ({error})", _FORMS) from error
    if array.ndim == 0 or type_name(array.dtype) == "object":
        told = f"`{name}` of split `{split}` is {type(value).__name__}, not an array with a row for each example"
        raise _problem("given-data", told, _FORMS)
    return array


def _named(dataset: tf.data.Dataset, data: Data) -> tf.data.Dataset:
    """The dataset with dictionaries by field name as elements."""
    if isinstance(dataset.element_spec, Mapping):
        return dataset
    if isinstance(dataset.element_spec, tuple) and len(dataset.element_spec) == 2:
        return dataset.map(lambda x, y: _by_field(x, y, data), num_parallel_calls=tf.data.AUTOTUNE)
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
        told = f"the tf.data.Dataset of split `{split}` never ends"
        raise _problem("given-data", told, "leave out `repeat()`; dlkit counts the epochs")
    return None if cardinality == tf.data.UNKNOWN_CARDINALITY else cardinality


def _same_fields(fields: Mapping[str, Mapping[str, SourceField]], name: str) -> None:
    """Refuse splits that differ in their fields, or in the shapes of those."""
    (first, expected), *others = fields.items()
    for split, found in others:
        if set(found) != set(expected):
            told = f"the data {name} has fields {sorted(expected)} in `{first}` and {sorted(found)} in `{split}`"
            raise _problem("given-data", told, "give every split the same fields")


def _problem(code: str, message: str, help: str) -> RunError:
    return RunError(Problem(code, message, _KEY, help=help))
