"""What inputs of numbers share: shapes that agree, floats that are finite, examples of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.features import Feature, Shape, shown

if TYPE_CHECKING:
    from dlkit.data.values import RowPlace
    from dlkit.schema.input import InputSettings
    from dlkit.schema.source import SourceField

np = lazy("numpy")
tf = lazy("tensorflow")
UNBATCHED = "`x.reshape(-1, *x.shape[2:])` of an array of batches, `unbatch()` of a dataset"


def shape_of(settings: InputSettings, name: str, column: SourceField) -> Shape:
    """The shape of one example, by source and settings together; a missing last axis of one channel is added.

    Raises:
        ConfigError: the column holds no numbers, its shape does not fit the kind's axes, or contradicts `shape`.
    """
    key: Key = ("data", "inputs", name)
    refuse_text(name, column)
    axes, stated = settings.axes, None if settings.shape is None else tuple(settings.shape)
    if column.shape is None and stated is None:
        example = {3: "[28, 28, 1]", 2: "[100, 3]"}.get(len(axes), "[4]")
        message = f"the source does not say what shape `{name}` has"
        raise _problem("shape-unknown", message, key, f"state it, as in `shape: {example}`")
    shape = column.shape if column.shape is not None else stated
    assert shape is not None
    shape = _with_channels(shape, axes)
    if axes and len(shape) != len(axes):
        message = f"`{name}` is of kind {settings.kind} ({', '.join(axes)}), but its examples have "
        message += f"{count(len(shape), 'axis')}: {shown(shape)}"
        raise _problem("shape-mismatch", message, key, _rank_help(shape, len(axes)))
    if stated is not None:
        shape = _agreed(name, shape, _with_channels(stated, axes), (*key, "shape"))
    return shape


def must_be_known(name: str, shape: Shape) -> None:
    """Refuse a size that varies.

    Raises:
        ConfigError: naming the shape.
    """
    if None in shape:
        message = f"the size of `{name}` varies or is unknown: {shown(shape)}"
        help = f"state it with `shape:`, or give single examples: {UNBATCHED}"
        raise _problem("shape-unknown", message, ("data", "inputs", name), help)


def refuse_text(name: str, column: SourceField) -> None:
    """Refuse a column that holds no real numbers.

    Raises:
        ConfigError: naming what it holds.
    """
    key: Key = ("data", "inputs", name)
    if column.dtype in ("string", "object"):
        what, help = ("text", "use `kind: category` for words that repeat") if column.dtype == "string" else (
            "text and numbers, or other Python objects", "give an array of numbers alone"
        )  # fmt: skip
        message = f"the column of `{name}` holds {what}, not numbers"
        if column.why_text is not None:
            words, help = column.why_text()
            message = f"{message}: {words}"
        raise _problem("field-type", message, key, help)
    if column.dtype != "bfloat16" and np.dtype(column.dtype).kind not in "biuf":
        raise _problem("field-type", f"the column of `{name}` holds {column.dtype}", key, "use real numbers")


def checked(values: Any, feature: Feature, place: RowPlace, *, nan_allowed: bool = False, help: str = "") -> Any:
    """Numbers of the feature's dtype and shape, all finite; a view where nothing has to change.

    Args:
        values: of a source, first axis the examples.
        feature: what they must be.
        place: where they come from, for messages.
        nan_allowed: whether NaN may stay.
        help: what to do about NaN.

    Raises:
        RunError: examples of another shape than in training, NaN or infinity.
    """
    place.refuse_text(values)
    place.same_shape(values, feature.shape)
    found = values.shape[1:] if values.ndim - 1 == len(feature.shape) else (*values.shape[1:], 1)
    shape = tuple(f if e is None else e for e, f in zip(feature.shape, found, strict=True))
    if np.dtype(feature.dtype).kind in "iu" and values.dtype != feature.dtype:
        _refuse_outside(values, feature, place)
    return place.finite(values.reshape(len(values), *shape), feature.dtype, nan_allowed=nan_allowed, help=help)


def _refuse_outside(values: Any, feature: Feature, place: RowPlace) -> None:
    """Refuse numbers that a type of whole numbers does not hold.

    Raises:
        RunError: naming the first row.
    """
    if values.dtype.kind not in "iub":
        message = f"it holds {values.dtype}, and {feature.dtype} is expected, which would cut off fractions"
        raise place.run_error("field-type", message, "give raw values as in the training rows; the model scales them")
    limits = np.iinfo(feature.dtype)
    outside = (values < limits.min) | (values > limits.max)
    if outside.any():
        row = int(np.flatnonzero(outside.reshape(len(values), -1).any(axis=1))[0])
        value = values[row][outside[row]].reshape(-1)[0]
        message = f"{place.row(row)} has {value}, outside of {limits.min} to {limits.max}, which {feature.dtype} holds"
        raise place.run_error("field-type", message, "give values of one type and scale in every split")


def example(value: Any, feature: Feature) -> Any:
    """One example of a stream: of the feature's dtype and shape, in TensorFlow ops."""
    rank = len(feature.shape)
    if value.shape.rank is not None and value.shape.rank == rank - 1:
        value = value[..., tf.newaxis]
    elif rank == 0 and value.shape.rank == 1:
        value = tf.reshape(value, [])
    return tf.ensure_shape(tf.cast(value, feature.dtype), feature.shape)


def _with_channels(shape: Shape, axes: tuple[str, ...]) -> Shape:
    return (*shape, 1) if axes and len(shape) + 1 == len(axes) else shape


def _agreed(name: str, found: Shape, stated: Shape, key: Key) -> Shape:
    """What both shapes say together."""
    contradict = len(found) != len(stated) or any(
        f is not None and s is not None and f != s for f, s in zip(found, stated, strict=False)
    )
    if contradict:
        message = f"`shape` says {shown(stated)}, but the examples of `{name}` have the shape {shown(found)}"
        raise _problem("shape-mismatch", message, key, "leave `shape` out, or choose another column")
    return tuple(s if f is None else f for f, s in zip(found, stated, strict=True))


def _rank_help(shape: Shape, rank: int) -> str:
    if len(shape) == rank + 1:
        return f"give single examples: {UNBATCHED}"
    if len(shape) == 1:
        return "use `kind: number` for plain vectors, or bring them into shape in the source"
    return "use another kind, or bring the examples into shape in the source"


def _problem(code: str, message: str, key: Key, help: str) -> ConfigError:
    return ConfigError(Problem(code, message, key, help=help))
