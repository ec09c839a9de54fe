"""Reads what a model predicts for: image files and NumPy arrays, a few examples at a time.

A file that cannot be used is named, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.causes import first_line
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.bound import Input
from dlkit.data.values import RowPlace
from dlkit.evaluation.decode_image import decode_image
from dlkit.evaluation.files import ARRAYS, IMAGES, expand
from dlkit.evaluation.trained import Trained, check_input, same_shape, shown_shape
from dlkit.files import check_npy, check_npz
from dlkit.schema.features import Feature
from dlkit.schema.source import Piece


@dataclass(frozen=True)
class Inputs:
    """Some examples that a model is given.

    Attributes:
        places: where each comes from: a file, or a file and the row in it.
        arrays: by input, the examples in its first axis.
    """

    places: list[str]
    arrays: dict[str, np.ndarray]


class _UnusableError(Exception):
    """Why a file cannot be used, and what would help."""

    def __init__(self, reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.help = help


def read_inputs(trained: Trained, paths: Sequence[Path], size: int) -> Iterator[Inputs]:
    """Read files for a model, a limited number of examples at a time, all of one shape.

    Args:
        trained: the model, which says what shape and type its inputs have.
        paths: images (PNG, JPEG, BMP, GIF, TIFF, WebP), `.npy` with one example or a row for each, or `.npz` with an
            array for each input by its name; folders of them, and patterns.
        size: examples at a time.

    Raises:
        ConfigError: at the end, naming every file that cannot be used, and why, if one of them is not there.
        RunError: the same, if all of them are.
    """
    files, absent = expand(paths)
    problems = list(absent)
    waiting: list[Inputs] = []
    for path in files:
        try:
            for found in _read(trained, path, size):
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
    return Inputs([place for part in parts for place in part.places], arrays)


def _read(trained: Trained, path: Path, size: int) -> Iterator[Inputs]:
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        yield Inputs([str(path)], _from_image(trained, path))
    elif suffix in ARRAYS:
        arrays = _from_arrays(trained, path)
        rows = len(next(iter(arrays.values())))
        for start in range(0, rows, size):
            part = {n: _values(trained.spec.inputs[n], a[start : start + size]) for n, a in arrays.items()}
            yield Inputs([f"{path}[{row}]" for row in range(start, min(start + size, rows))], part)
    else:
        raise _UnusableError(
            f"`{path.suffix}` is not a kind of file that can be read", f"give {', '.join(IMAGES + ARRAYS)}"
        )


def _from_image(trained: Trained, path: Path) -> dict[str, np.ndarray]:
    feature = _only_input(trained)
    if feature.kind != "image" or len(feature.shape) != 3:
        raise _UnusableError(f"the model takes {feature.kind} input, not images", "give arrays: .npy or .npz")
    if feature.dtype != "uint8":
        raise _UnusableError(
            f"the model was trained on {feature.dtype} images, whose scale is unknown",
            "give arrays, scaled as in training: .npy or .npz",
        )
    try:
        image = decode_image(path.read_bytes(), feature.shape[2])
    except (ValueError, OSError) as error:
        raise _UnusableError(f"it is not a whole image ({_reason(error)})") from error
    return {feature.name: _sized(trained, feature, image)[np.newaxis]}


def _sized(trained: Trained, feature: Feature, image: np.ndarray) -> np.ndarray:
    """The image in the size that the model takes; resized where the model itself resizes what it is given."""
    height, width, _ = feature.shape
    if height in (None, image.shape[0]) and width in (None, image.shape[1]):
        return image
    resizing = [layer for layer in trained.model.layers if isinstance(layer, keras.layers.Resizing)]
    if not resizing or height is None or width is None:
        message = f"the image is {shown_shape(image.shape[:2])}, the model takes {shown_shape(feature.shape[:2])}"
        raise _UnusableError(message, "resize it, or train with a `resize` step in `preprocess`")
    resized: np.ndarray = tf.image.resize(image, (height, width), method=resizing[0].interpolation).numpy()
    return np.clip(np.round(resized), 0, 255).astype(np.uint8)


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
    missing = [name for name in inputs if name not in arrays]
    if missing:
        found = f"its arrays are {', '.join(arrays)}" if arrays else "it is empty"
        raise _UnusableError(f"it has no array {_listed(missing)}", f"{found}; the model takes {_listed(inputs)}")
    examples = {name: _rows(feature, arrays[name]) for name, feature in inputs.items()}
    if len({len(array) for array in examples.values()}) > 1:
        lengths = ", ".join(f"`{name}` {len(array):,}" for name, array in examples.items())
        raise _UnusableError(f"its arrays differ in length: {lengths}")
    return examples


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


def _rows(feature: Feature, array: np.ndarray) -> np.ndarray:
    """An array with a row for each example; a single example becomes one row."""
    if array.dtype.kind not in ("U" if feature.dtype == "string" else "iubf"):
        wanted = "text" if feature.dtype == "string" else "numbers"
        raise _UnusableError(f"it holds {array.dtype}, not {wanted}")
    shape = feature.shape
    inner = len(shape) - 1
    gray = inner > 0 and shape[-1] == 1 and same_shape(shape[:-1], array.shape[-inner:])
    if gray and not same_shape(shape, array.shape[-len(shape) :]):
        array = array[..., np.newaxis]  # images without their axis of one channel
    if array.ndim == len(shape):
        array = array[np.newaxis]
    ragged = getattr(feature, "feature", feature).ragged
    if ragged and array.ndim == len(shape) + 1 and same_shape(shape[1:], array.shape[2:]):
        array = _of_one_length(feature, array)
    problems = check_input(feature, array.shape[1:], array.dtype.name, "its") if array.ndim else []
    if array.ndim != len(shape) + 1 or problems:
        message = problems[0].message if problems else f"its shape is {array.shape}"
        raise _UnusableError(message, f"the model takes rows of {shown_shape(shape)}")
    if len(array) == 0:
        raise _UnusableError("it has no rows")
    return array


def _of_one_length(bound: Any, array: np.ndarray) -> np.ndarray:
    """Padded sequences, cut or padded to the length that the model takes."""
    place = RowPlace("data", bound.name, (Piece("data", 0, None),), bound.key)
    try:
        return np.asarray(bound.settings.values(array, bound.feature, place))
    except RunError as error:
        raise _UnusableError(error.problems[0].message, error.problems[0].help) from error


def _values(feature: Input, rows: np.ndarray) -> np.ndarray:
    """Rows in the type that the model takes."""
    if feature.dtype == "string":
        return rows
    holes = feature.settings.nan_allowed(feature.feature)
    if rows.dtype.kind == "f" and not (np.isfinite(rows) | (np.isnan(rows) & holes)).all():
        raise _UnusableError("it holds values that are not finite numbers")
    if np.dtype(feature.dtype).kind in "iu" and rows.dtype != feature.dtype:
        limits = np.iinfo(feature.dtype)
        if rows.min() < limits.min or rows.max() > limits.max:
            raise _UnusableError(
                f"its values lie outside of {limits.min} to {limits.max}, which is what {feature.dtype} holds"
            )
    return np.asarray(rows, feature.dtype)


def _only_input(trained: Trained) -> Any:
    inputs = trained.spec.inputs
    if len(inputs) > 1:
        raise _UnusableError(f"the model has {len(inputs)} inputs", f"give an .npz with arrays {', '.join(inputs)}")
    return next(iter(inputs.values()))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or first_line(error)
    return re.sub(r" ?<_io\.BytesIO object at 0x\w+>", " file", text)
