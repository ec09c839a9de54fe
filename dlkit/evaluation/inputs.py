"""Reads what a model shall predict for: image files and NumPy arrays.

A file that cannot be used is named, never skipped.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.evaluation.trained import Trained, check_input, same_shape, shown_shape
from dlkit.schema.features import Feature

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class Inputs:
    """What a model is given.

    Attributes:
        names: where each example comes from: a file, or a file and the row in it.
        arrays: by input, the examples in its first axis.
    """

    names: list[str]
    arrays: dict[str, np.ndarray]


class _Unusable(Exception):
    """Why a file cannot be used."""


class _Absent(_Unusable):
    """There is no such file: the command is wrong, and not what a file holds."""


def read_inputs(trained: Trained, paths: Sequence[Path]) -> Inputs:
    """Read files for a model.

    Args:
        trained: the model, which says what shape and type its inputs have.
        paths: images (PNG, JPEG, BMP, GIF), `.npy` with one example or a row for each, or `.npz` with an array for
            each input by its name.

    Raises:
        ConfigError: naming every file that cannot be used, and why, if one of them is not there.
        RunError: the same, if all of them are.
    """
    names: list[str] = []
    parts: list[dict[str, np.ndarray]] = []
    problems = []
    raised: type[DlkitError] = RunError
    for path in paths:
        try:
            examples = _read(trained, path)
        except _Unusable as error:
            help = error.args[1] if len(error.args) > 1 else ""
            raised = ConfigError if isinstance(error, _Absent) else raised
            problems.append(Problem("unusable-input", f"{path}: {error.args[0]}", help=help))
            continue
        rows = len(next(iter(examples.values())))
        names += [str(path)] if path.suffix.lower() in IMAGES else [f"{path}[{row}]" for row in range(rows)]
        parts.append(examples)
    if problems:
        raise raised(problems)
    try:
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in trained.spec.inputs}
    except ValueError:
        help = "predict for files of one size at a time"
        raise RunError(Problem("unusable-input", "the files differ in size", help=help)) from None
    return Inputs(names, arrays)


def _read(trained: Trained, path: Path) -> dict[str, np.ndarray]:
    suffix = path.suffix.lower()
    if path.is_dir():
        raise _Absent("it is a folder", f"name its files, as in {path}/*.png")
    if not path.exists():
        raise _Absent("there is no such file")
    if suffix in IMAGES:
        return _from_image(trained, path)
    if suffix in ARRAYS:
        return _from_arrays(trained, path)
    raise _Unusable(f"`{path.suffix}` is not a kind of file that can be read", f"give {', '.join(IMAGES + ARRAYS)}")


def _from_image(trained: Trained, path: Path) -> dict[str, np.ndarray]:
    feature = _only_input(trained)
    if feature.kind != "image" or len(feature.shape) != 3:
        raise _Unusable(f"the model takes {feature.kind} input, not images", "give arrays: .npy or .npz")
    if feature.dtype != "uint8":
        raise _Unusable(
            f"the model was trained on {feature.dtype} images, whose scale is unknown",
            "give arrays, scaled as in training: .npy or .npz",
        )
    try:
        image = _decoded(path.read_bytes(), feature.shape[2] or 0)
    except (tf.errors.InvalidArgumentError, OSError) as error:
        raise _Unusable(f"it is not a whole image ({_reason(error)})") from error
    return {feature.name: _sized(trained, feature, image)[np.newaxis]}


def _decoded(content: bytes, channels: int) -> np.ndarray:
    """An image with so many channels; with its own number of them if 0."""
    if content.startswith(b"BM") and _has_coloured_palette(content):
        raise _Unusable("its colours come from a palette, which cannot be read", "save it as PNG")
    # TensorFlow makes gray images of PNG and JPEG alone.
    gray = channels == 1 and content.startswith((b"BM", b"GIF"))
    image = tf.io.decode_image(content, channels=3 if gray else channels, expand_animations=False)
    if gray:
        alike = bool(tf.reduce_all(image == image[..., :1]))
        image = image[..., :1] if alike else tf.image.rgb_to_grayscale(image)
    decoded: np.ndarray = image.numpy()
    return decoded


def _has_coloured_palette(bitmap: bytes) -> bool:
    """Whether the numbers in a BMP of 8 bits are other than shades of gray; TensorFlow would take them for those."""
    try:
        pixels, header, _, _, _, bits = struct.unpack_from("<IIiiHH", bitmap, 10)
    except struct.error:
        return False
    if bits > 8:
        return False
    palette = np.frombuffer(bitmap[14 + header : pixels], np.uint8)
    palette = palette[: len(palette) // 4 * 4].reshape(-1, 4)[:, :3]
    return bool((palette != np.arange(len(palette))[:, np.newaxis]).any())


def _sized(trained: Trained, feature: Feature, image: np.ndarray) -> np.ndarray:
    """The image in the size that the model takes; resized where the model itself resizes what it is given."""
    height, width, _ = feature.shape
    if height in (None, image.shape[0]) and width in (None, image.shape[1]):
        return image
    resizing = [layer for layer in trained.model.layers if isinstance(layer, keras.layers.Resizing)]
    if not resizing or height is None or width is None:
        told = f"the image is {shown_shape(image.shape[:2])}, the model takes {shown_shape(feature.shape[:2])}"
        raise _Unusable(told, "resize it, or train with a `resize` step in `preprocess`")
    resized: np.ndarray = tf.image.resize(image, (height, width), method=resizing[0].interpolation).numpy()
    return np.clip(np.round(resized), 0, 255).astype(np.uint8)


def _from_arrays(trained: Trained, path: Path) -> dict[str, np.ndarray]:
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {name: loaded[name] for name in loaded.files} if isinstance(loaded, np.lib.npyio.NpzFile) else loaded
    except Exception as error:  # numpy raises ValueError, EOFError, BadZipFile, UnpicklingError, zlib.error
        told = "it holds Python objects, which are never unpickled" if "pickle" in str(error).lower() else None
        raise _Unusable(told or f"it is not a whole NumPy file ({_reason(error)})") from error
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
        raise _Unusable(f"it has no array {_listed(missing)}", f"{found}; the model takes {_listed(inputs)}")
    examples = {name: _rows(feature, arrays[name]) for name, feature in inputs.items()}
    if len({len(array) for array in examples.values()}) > 1:
        raise _Unusable("its arrays differ in length: " + ", ".join(f"`{n}` {len(a):,}" for n, a in examples.items()))
    return examples


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(feature: Feature, array: np.ndarray) -> np.ndarray:
    """An array with a row for each example; a single example becomes one row."""
    if array.dtype.kind not in "iubf":
        raise _Unusable(f"it holds {array.dtype}, not numbers")
    shape = feature.shape
    inner = len(shape) - 1
    gray = inner > 0 and shape[-1] == 1 and same_shape(shape[:-1], array.shape[-inner:])
    if gray and not same_shape(shape, array.shape[-len(shape) :]):
        array = array[..., np.newaxis]  # images without their axis of one channel
    if array.ndim == len(shape):
        array = array[np.newaxis]
    problems = check_input(feature, array.shape[1:], array.dtype.name, "its") if array.ndim else []
    if array.ndim != len(shape) + 1 or problems:
        told = problems[0].message if problems else f"its shape is {array.shape}"
        raise _Unusable(told, f"the model takes rows of {shown_shape(shape)}")
    if len(array) == 0:
        raise _Unusable("it has no rows")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _Unusable("it holds values that are not finite numbers")
    if np.dtype(feature.dtype).kind in "iu" and array.dtype != feature.dtype:
        limits = np.iinfo(feature.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise _Unusable(
                f"its values lie outside of {limits.min} to {limits.max}, which is what {feature.dtype} holds"
            )
    return array.astype(feature.dtype)


def _only_input(trained: Trained) -> Any:
    inputs = trained.spec.inputs
    if len(inputs) > 1:
        raise _Unusable(f"the model has {len(inputs)} inputs", f"give an .npz with arrays {', '.join(inputs)}")
    return next(iter(inputs.values()))


def _reason(error: Exception) -> str:
    text = getattr(error, "message", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    # TensorFlow wraps its reason in the names of the node and of the operation.
    return re.sub(r"^\{\{.*?\}\}\s*|\s*\[Op:\w+\].*$", "", str(text).strip().splitlines()[0])
