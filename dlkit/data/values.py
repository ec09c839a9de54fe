"""Checks and casts the values of one field in one split, and says where the first wrong one stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dlkit.config.problems import Key, Problem, RunError
from dlkit.data.contract import Feature
from dlkit.data.features import numbered
from dlkit.schema.source import Piece

_CHUNK = 2**20


@dataclass(frozen=True)
class Place:
    """Where values come from, for messages.

    Attributes:
        split: train, validation or test.
        field: name of the field in the source.
        pieces: what the split consists of.
        key: path of the input's or target's settings.
    """

    split: str
    field: str
    pieces: Sequence[Piece]
    key: Key

    def row(self, number: int) -> str:
        """Words for a row of the split, counted from 0 in the source."""
        for piece in self.pieces:
            if piece.size is None or number < piece.size:
                return f"row {piece.start + number} of `{piece.split}`"
            number -= piece.size
        raise IndexError(number)


def input_values(array: np.ndarray, feature: Feature, place: Place) -> np.ndarray:
    """The values of an input, of the feature's shape and type; a view of `array` where nothing has to change.

    Raises:
        RunError: examples of another shape than in training, NaN or infinity.
    """
    _same_shape(array, feature, place)
    values = _cast(array.reshape(len(array), *_fixed(feature, array)), feature)
    _finite(values, array, place)
    return values


def target_values(array: np.ndarray, feature: Feature, place: Place, *, stated: bool = False) -> tuple[np.ndarray, str]:
    """The values of a target, of the feature's shape and type, and a note if they were one-hot, else "".

    Labels are checked against the feature's classes only where it has some; `stated` says that the configuration
    names them, so that the message points there.

    Raises:
        RunError: NaN or infinity; labels that are not whole numbers, or outside the classes.
    """
    if feature.kind == "number":
        _same_shape(array, feature, place)
        values = _cast(array.reshape(len(array), *feature.shape), feature)
        _finite(values, array, place)
        return values, ""
    note = ""
    if array.ndim == 2 and array.shape[1] > 1:
        array = _from_one_hot(array, place)
        note = f"the one-hot labels of `{feature.name}` are read as integers"
    elif array.ndim > 2:
        raise _run(
            "shape-mismatch", f"the labels have the shape {list(array.shape[1:])}", place, "give one integer each"
        )
    array = array.reshape(-1)
    _finite(array, array, place)
    whole = array if array.dtype.kind in "iub" else np.rint(array)
    if array.dtype.kind == "f" and (wrong := np.flatnonzero(whole != array)).size:
        message = f"{place.row(wrong[0])} is {array[wrong[0]]:g}, not a whole number"
        raise _run("labels-not-integers", message, place, "number the classes from 0, or use `kind: number`")
    if feature.kind == "binary":
        _in_range(whole, 2, feature, place, stated=False)
    elif feature.classes:
        _in_range(whole, len(feature.classes), feature, place, stated=stated)
    return whole.astype(np.int32, copy=False), note


def classes_from(labels: np.ndarray, feature: Feature, place: Place) -> tuple[str, ...]:
    """Names of the classes, "0", "1", ..., that the labels of training imply.

    Raises:
        RunError: negative labels, fewer than two classes, or more than there are examples.
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        _in_range(labels, high + 1, feature, place, stated=False)
    if high < 1:
        message = "all training labels are 0, so there is nothing to tell apart"
        raise _run("too-few-classes", message, place, "check the field and the split, or state `classes`")
    if high >= max(1000, len(labels)):
        message = f"labels reach {high:,} in {len(labels):,} training examples, so they hardly count classes from 0"
        raise _run("classes-unknown", message, place, "state `classes`, or use `kind: number`")
    return numbered(high + 1)


def _cast(array: np.ndarray, feature: Feature) -> np.ndarray:
    with np.errstate(over="ignore"):  # `_finite` looks for what became infinite
        return array.astype(feature.dtype, copy=False)


def _from_one_hot(array: np.ndarray, place: Place) -> np.ndarray:
    hot = ((array == 0) | (array == 1)).all(axis=1) & (array.sum(axis=1, dtype=np.float64) == 1)
    if (wrong := np.flatnonzero(~hot)).size:
        message = f"labels have {array.shape[1]} columns but are not one-hot: {place.row(wrong[0])}"
        raise _run("target-shape", message, place, "give one integer each, or use `kind: number` for a vector")
    return np.asarray(array.argmax(axis=1))


def _in_range(labels: np.ndarray, classes: int, feature: Feature, place: Place, *, stated: bool) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if not wrong.size:
        return
    message = f"{place.row(wrong[0])} has the label {int(labels[wrong[0]])}, outside 0..{classes - 1}"
    message += f" ({wrong.size:,} such rows)" if wrong.size > 1 else ""
    if labels.min() == 1 and labels.max() == classes:
        help = "labels start at 1: subtract 1 from them in the source"
    elif feature.kind == "binary":
        help = "give 0 and 1, or use `kind: category`"
    else:
        help = "correct the labels, or state `classes`" if not stated else "correct the labels, or `classes`"
    if stated:
        place = replace(place, key=(*place.key, "classes"))
    raise _run("label-out-of-range", message, place, help)


def _finite(values: np.ndarray, original: np.ndarray, place: Place) -> None:
    """Refuse NaN and infinity; `original` tells whether a number was only too large for float32."""
    if values.dtype.kind != "f":
        return
    flat = values.reshape(len(values), -1)
    rows = max(1, _CHUNK // max(1, flat.shape[1]))
    wrong = [
        start + np.flatnonzero(~np.isfinite(flat[start : start + rows]).all(axis=1))
        for start in range(0, len(flat), rows)
        if not np.isfinite(flat[start : start + rows]).all()
    ]
    if not wrong:
        return
    numbers = np.concatenate(wrong)
    first = flat[numbers[0]]
    value = first[~np.isfinite(first)][0]
    message = f"{len(numbers):,} of {len(values):,} rows hold NaN or infinity; the first is {place.row(numbers[0])}"
    if np.isfinite(np.asarray(original[numbers[0]], np.float64)).all():
        message = f"{len(numbers):,} of {len(values):,} rows hold numbers too large for float32; the first is "
        message += place.row(numbers[0])
    raise _run("not-finite", f"{message} ({value})", place, "remove those rows or fill them in before training")


def _same_shape(array: np.ndarray, feature: Feature, place: Place) -> None:
    found, expected = array.shape[1:], feature.shape
    if found in (expected, (*expected, 1)) or (*found, 1) == expected:
        return
    if len(found) == len(expected) and all(e in (None, f) for e, f in zip(expected, found, strict=True)):
        return
    message = f"examples have the shape {list(found)}, and {list(expected)} is expected"
    raise _run("shape-mismatch", message, place, "give all splits examples of one shape")


def _fixed(feature: Feature, array: np.ndarray) -> tuple[int, ...]:
    """The feature's shape with the array's sizes where they vary."""
    found = array.shape[1:] if array.ndim - 1 == len(feature.shape) else (*array.shape[1:], 1)
    return tuple(f if e is None else e for e, f in zip(feature.shape, found, strict=True))


def _run(code: str, message: str, place: Place, help: str) -> RunError:
    return RunError(Problem(code, f"{place.split}: field `{place.field}`: {message}", place.key, help=help))
