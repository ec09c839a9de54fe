"""Arrays that a model predicts for, in files of NumPy and as the columns of a table: which of them each input takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlkit.config.causes import first_line
from dlkit.data.bound import Input
from dlkit.data.columns import joined
from dlkit.evaluation.files import UnusableError
from dlkit.evaluation.trained import check_input, same_shape
from dlkit.files import check_npy, check_npz
from dlkit.schema.column import fitting, is_pattern
from dlkit.schema.features import in_words
from dlkit.schema.source import Piece


@dataclass(frozen=True)
class ArrayFile:
    """The arrays of a file by input.

    Attributes:
        by_input: with a row for each example.
        words: the name of the file and the number of a row to where that is; None for its number.
        notes: how it was read, where that is worth a line.
    """

    by_input: dict[str, np.ndarray]
    words: Callable[[str, int], str] | None = None
    notes: tuple[str, ...] = ()

    def place(self, path: Path, row: int) -> str:
        """Where a row is."""
        return f"{path}[{row}]" if self.words is None else self.words(path.name, row)


def from_arrays(inputs: Mapping[str, Input], path: Path) -> ArrayFile:
    """The arrays of a file by input, with a row for each example; of a `.npy` file, only what is used is read."""
    arrays = _loaded(path)
    one = None if isinstance(arrays, dict) else arrays
    if isinstance(arrays, dict) and len(inputs) == 1 and list(arrays) == ["arr_0"]:
        one = arrays["arr_0"]  # the name that NumPy gives to an array that was given none
    if one is not None:
        feature = only_input(inputs)
        by_input = {feature.name: _rows(feature, one)}
    else:
        by_input = arrays_by_input(inputs, arrays, "array", list(arrays))  # type: ignore[arg-type]
    return ArrayFile(by_input)


def arrays_by_input(
    inputs: Mapping[str, Input], arrays: Mapping[str, np.ndarray], word: str, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """The examples of each input, of the arrays of its name or columns."""
    columns = {name: _columns(bound, arrays) for name, bound in inputs.items()}
    missing = [name for name, found in columns.items() if not found]
    if missing:
        found = f"its {word}s are {', '.join(names)}" if names else "it is empty"
        takes = ", ".join(map(_in_a_file, inputs.values()))
        raise UnusableError(f"it has no {word} {_listed(missing)}", f"{found}; the model takes {takes}")
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
        raise UnusableError(f"its arrays differ in length: {lengths}")


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
        raise UnusableError(
            objects if objects in str(error) else f"it is not a whole NumPy file ({_reason(error)})"
        ) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(bound: Input, array: np.ndarray) -> np.ndarray:
    """An array with a row for each example; a single example becomes one row, and an axis of one channel is added."""
    text = bound.dtype == "string"
    if array.dtype.kind not in ("SUTO" if text else "iubf"):
        raise UnusableError(f"it holds {array.dtype}, not {'text' if text else 'numbers'}")
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
        raise UnusableError(message, f"the model takes rows of {in_words(shape)}")
    if len(array) == 0:
        raise UnusableError("it has no rows")
    return array


def only_input(inputs: Mapping[str, Input], *, tables: bool = False) -> Input:
    """The input of a model that has one alone; `tables` says whether rows of tables do for others."""
    if len(inputs) > 1:
        table = "a table with the columns that they read, or " if tables else ""
        raise UnusableError(
            f"the model has {len(inputs)} inputs", f"give {table}an .npz with arrays {', '.join(inputs)}"
        )
    return next(iter(inputs.values()))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or first_line(error)
