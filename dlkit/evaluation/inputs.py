"""Reads what a model predicts for: arrays, and files that the kind of its input reads, a few examples at a time.

A file that cannot be used is named, never skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlkit.config.causes import first_line
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.bound import Input
from dlkit.data.columns import joined
from dlkit.data.values import RowPlace
from dlkit.evaluation.files import ARRAYS, expand, read_by_some_kind, readable
from dlkit.evaluation.trained import Trained, check_input, same_shape
from dlkit.files import check_npy, check_npz
from dlkit.schema.column import fitting, is_pattern
from dlkit.schema.features import in_words
from dlkit.schema.source import Piece


@dataclass(frozen=True)
class Inputs:
    """Some examples that a model is given.

    Attributes:
        places: where each comes from: a file, or a file and the row in it.
        arrays: by input, the examples in its first axis.
        notes: what is worth a line about the file that begins here.
    """

    places: list[str]
    arrays: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()


class _UnusableError(Exception):
    """Why a file cannot be used, and what would help."""

    def __init__(self, reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.help = help


def read_inputs(trained: Trained, paths: Sequence[Path], size: int) -> Iterator[Inputs]:
    """Read files for a model, a limited number of examples at a time, all of one shape.

    Args:
        trained: the model, which says what shape and type its inputs have.
        paths: files that the kind of the input reads, such as images; `.npy` with one example or a row for each, or
            `.npz` with an array for each input by its name, or for each of its columns; folders of them, and patterns.
        size: examples at a time.

    Raises:
        ConfigError: at the end, naming every file that cannot be used, and why, if one of them is not there.
        RunError: the same, if all of them are.
    """
    suffixes = readable(trained.spec.inputs.values())
    files, absent = expand(paths, suffixes)
    problems = list(absent)
    waiting: list[Inputs] = []
    for path in files:
        try:
            for found in _read(trained, path, suffixes, size):
                if waiting and (sum(len(i.places) for i in waiting) >= size or not _alike(waiting[0], found)):
                    yield _joined(waiting)
                    waiting = []
                waiting.append(found)
        except _UnusableError as error:
            problems.append(Problem("unusable-input", f"{path}: {error}", help=error.help))
    if problems:
        raise ConfigError(problems) if absent else RunError(problems)
    if waiting:
        yield _joined(waiting)


def _alike(one: Inputs, other: Inputs) -> bool:
    """Whether examples can be in one batch."""
    return all(array.shape[1:] == other.arrays[name].shape[1:] for name, array in one.arrays.items())


def _joined(parts: list[Inputs]) -> Inputs:
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    notes = tuple(note for part in parts for note in part.notes)
    return Inputs([place for part in parts for place in part.places], arrays, notes)


def _read(trained: Trained, path: Path, suffixes: Sequence[str], size: int) -> Iterator[Inputs]:
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        arrays = _from_arrays(trained, path)
        rows = len(next(iter(arrays.values())))
        for start in range(0, rows, size):
            part = {n: _values(trained.spec.inputs[n], a[start : start + size], path, start) for n, a in arrays.items()}
            notes = () if start else _notes(trained, arrays, path)
            yield Inputs([f"{path}[{row}]" for row in range(start, min(start + size, rows))], part, notes)
    elif suffix in suffixes or read_by_some_kind(suffix):
        bound = _only_input(trained)
        if suffix not in suffixes:
            message = f"the model takes {bound.kind} input, which is not read from `{path.suffix}` files"
            raise _UnusableError(message, f"give {', '.join(suffixes)}")
        with _unusable(path):
            example = bound.settings.from_file(path, bound.feature)
        yield Inputs([str(path)], {bound.name: example[np.newaxis]})
    else:
        raise _UnusableError(f"`{path.suffix}` is not a kind of file that can be read", f"give {', '.join(suffixes)}")


def _notes(trained: Trained, arrays: Mapping[str, np.ndarray], path: Path) -> tuple[str, ...]:
    """What the kinds of the inputs have to say about a file: sequences that are cut, categories that are unknown."""
    bound = [trained.spec.inputs[name] for name in arrays]
    places = [RowPlace(str(path), _names(i), (Piece(path.name, 0, None),), i.key) for i in bound]
    with _unusable(path):
        found = [i.settings.notes(arrays[i.name], i, place) for i, place in zip(bound, places, strict=True)]
    return tuple(note for notes in found for note in notes)


def _names(bound: Input) -> Sequence[str]:
    """What messages call the values of an input: each of its columns, where they are known, or the input."""
    columns = bound.settings.wanted(bound.name)
    return columns if len(columns) > 1 and not any(map(is_pattern, columns)) else (bound.name,)


@contextmanager
def _unusable(path: Path) -> Iterator[None]:
    """Within the block, what a kind of input refuses makes the file unusable."""
    try:
        yield
    except RunError as error:
        problem = error.problems[0]
        raise _UnusableError(problem.message.removeprefix(f"{path}: "), problem.help) from error


def _from_arrays(trained: Trained, path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by input, with a row for each example; of a `.npy` file, only what is used is read."""
    arrays = _loaded(path)
    inputs = trained.spec.inputs
    if not isinstance(arrays, dict):
        feature = _only_input(trained)
        return {feature.name: _rows(feature, arrays)}
    if len(inputs) == 1 and list(arrays) == ["arr_0"]:  # the name that NumPy gives to an array that was given none
        feature = _only_input(trained)
        return {feature.name: _rows(feature, arrays["arr_0"])}
    columns = {name: _columns(bound, arrays) for name, bound in inputs.items()}
    missing = [name for name, found in columns.items() if not found]
    if missing:
        found = f"its arrays are {', '.join(arrays)}" if arrays else "it is empty"
        takes = ", ".join(map(_in_a_file, inputs.values()))
        raise _UnusableError(f"it has no array {_listed(missing)}", f"{found}; the model takes {takes}")
    examples = {name: _rows(bound, _side_by_side(arrays, columns[name])) for name, bound in inputs.items()}
    _of_one_length(examples)
    return examples


def _columns(bound: Input, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """The arrays that an input is made of: that of its name, or of each of its columns; none where one is missing."""
    if bound.name in arrays:
        return [bound.name]
    found = [fitting(wanted, arrays) for wanted in bound.settings.wanted(bound.name)]
    return list(dict.fromkeys(name for names in found for name in names)) if all(found) else []


def _in_a_file(bound: Input) -> str:
    """The array of an input in words, and the columns that do as well."""
    columns = bound.settings.wanted(bound.name)
    several = " side by side" if len(columns) > 1 or is_pattern(columns[0]) else ""
    return f"`{bound.name}`" + (f" (or {_listed(columns)}{several})" if columns != (bound.name,) else "")


def _side_by_side(arrays: Mapping[str, np.ndarray], columns: Sequence[str]) -> np.ndarray:
    """One array of several columns; that of one column stays as it is."""
    if len(columns) == 1:
        return arrays[columns[0]]
    parts = {name: np.atleast_1d(arrays[name]) for name in columns}
    _of_one_length(parts)
    rows = Piece("", 0, len(next(iter(parts.values()))))
    return joined([[array] for array in parts.values()], [rows])


def _of_one_length(arrays: Mapping[str, np.ndarray]) -> None:
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"`{name}` {len(array):,}" for name, array in arrays.items())
        raise _UnusableError(f"its arrays differ in length: {lengths}")


def _loaded(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"PK"
            if not packed:
                file.seek(0)
                check_npy(file, path.stat().st_size)
        if not packed:
            array: np.ndarray = np.load(path, allow_pickle=False, mmap_mode="r")
            return array
        check_npz(path, packed=True)
        with np.load(path, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}
    except Exception as error:  # numpy raises ValueError, EOFError, BadZipFile, zlib.error
        objects = "it holds Python objects, which are never unpickled"
        raise _UnusableError(
            objects if objects in str(error) else f"it is not a whole NumPy file ({_reason(error)})"
        ) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(bound: Input, array: np.ndarray) -> np.ndarray:
    """An array with a row for each example; a single example becomes one row, and an axis of one channel is added."""
    text = bound.dtype == "string"
    if array.dtype.kind not in ("SUT" if text else "iubf"):
        raise _UnusableError(f"it holds {array.dtype}, not {'text' if text else 'numbers'}")
    shape = bound.shape
    # Numbers of one value, and images of one channel, are mostly stored without that axis.
    if shape[-1:] == (1,) and array.ndim in (len(shape) - 1, len(shape)) and array.shape[-1:] != (1,):
        array = array[..., np.newaxis]
    if array.ndim == len(shape):
        array = array[np.newaxis]
    expected = (None, *shape[1:]) if bound.feature.ragged else shape
    if array.ndim != len(shape) + 1 or not same_shape(expected, array.shape[1:]):
        problems = check_input(bound.feature, array.shape[1:], bound.dtype, "its") if array.ndim else []
        message = problems[0].message if problems else f"its shape is {array.shape}"
        raise _UnusableError(message, f"the model takes rows of {in_words(shape)}")
    if len(array) == 0:
        raise _UnusableError("it has no rows")
    return array


def _values(bound: Input, rows: np.ndarray, path: Path, first: int) -> np.ndarray:
    """Rows of a file, from number `first` on, as the model takes them."""
    if rows.dtype.kind == "f":
        holes = bound.settings.nan_allowed(bound.feature)
        right = np.isfinite(rows) | (np.isnan(rows) & holes)
        if not right.all():
            row = int(np.flatnonzero(~right.reshape(len(rows), -1).all(axis=1))[0])
            value = rows[row][~right[row]].reshape(-1)[0]
            raise _UnusableError(f"it holds values that are not finite numbers: row {first + row} has {value}")
    place = RowPlace(str(path), _names(bound), (Piece(path.name, first, None),), bound.key)
    with _unusable(path):
        return np.asarray(bound.settings.values(rows, bound.feature, place))


def _only_input(trained: Trained) -> Input:
    inputs: Mapping[str, Input] = trained.spec.inputs
    if len(inputs) > 1:
        raise _UnusableError(f"the model has {len(inputs)} inputs", f"give an .npz with arrays {', '.join(inputs)}")
    return next(iter(inputs.values()))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or first_line(error)
