"""From a source's fields and the settings of an input or target to the `Feature` that everything downstream sees.

Images arrive as uint8 if the source has them so, every other number as float32, classes and yes/no as int32 of shape
(). A gray image without a channel axis gets one, as does a series with one value a step; labels of shape (1,) lose it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data.contract import Feature
from dlkit.schema.data import AnyInput, AnyTarget
from dlkit.schema.input import InputSettings
from dlkit.schema.source import SourceField
from dlkit.targets.binary import BinaryTarget
from dlkit.targets.category import CategoryTarget
from dlkit.targets.number import NumberTarget

_RANKS = {"image": 3, "sequence": 2}
_MEANING = {"image": "height, width, channels", "sequence": "steps, channels"}


def input_feature(name: str, settings: AnyInput, field: SourceField) -> Feature:
    """The feature of an input.

    Args:
        name: of the input.
        settings: its settings; `shape` must agree with the source's, and fills in what that does not tell.
        field: what the source tells of the field.

    Raises:
        ConfigError: the field holds no numbers, its shape does not fit the kind, or contradicts `shape`.
    """
    key: Key = ("data", "inputs", name)
    _numbers(field, name, key)
    stated = None if settings.shape is None else tuple(settings.shape)
    if field.shape is None and stated is None:
        message = f"the source does not tell the shape of `{name}`"
        raise _problem("shape-unknown", message, key, f"state it, as in `shape: {_example(settings.kind)}`")
    shape = field.shape if field.shape is not None else stated
    assert shape is not None
    shape = _with_channels(shape, settings.kind)
    rank = _RANKS.get(settings.kind)
    if rank is not None and len(shape) != rank:
        message = f"`{name}` is of kind {settings.kind} ({_MEANING[settings.kind]}), but its examples have "
        message += f"{len(shape)} axes: {_shown(shape)}"
        raise _problem("shape-mismatch", message, key, _rank_help(shape, rank))
    if stated is not None:
        shape = _agreed(name, shape, _with_channels(stated, settings.kind), (*key, "shape"))
    if settings.kind != "image" and None in shape:
        message = f"the size of `{name}` varies or is unknown: {_shown(shape)}"
        raise _problem("shape-unknown", message, key, "state it with `shape:`, or `unbatch()` a batched dataset")
    if settings.kind == "image" and shape[-1] is None:
        message = f"the source does not tell how many channels `{name}` has"
        raise _problem("shape-unknown", message, key, "state it, as in `shape: [null, null, 3]`")
    dtype = "uint8" if settings.kind == "image" and field.dtype == "uint8" else "float32"
    return Feature(name, settings.kind, shape, dtype)


def target_feature(name: str, settings: AnyTarget, field: SourceField, *, one_hot: bool = False) -> Feature:
    """The feature of a target. `classes` stays empty where neither the source nor the settings tell them.

    Args:
        name: of the target.
        settings: its settings.
        field: what the source tells of the field.
        one_hot: whether labels of shape (classes,) are accepted, to be read as integers.

    Raises:
        ConfigError: the field holds no numbers, its shape does not fit, or classes contradict the source's.
    """
    key: Key = ("data", "targets", name)
    _numbers(field, name, key)
    shape = field.shape if field.shape is not None else ()
    shape = () if shape == (1,) else shape
    if isinstance(settings, NumberTarget):
        if len(shape) > 1 or None in shape:
            message = f"`{name}` is to be one number or a vector, but its examples have the shape {_shown(shape)}"
            raise _problem("target-shape", message, key, "flatten it in the source, or predict a part of it")
        return Feature(name, settings.kind, shape, "float32")
    classes = field.classes
    if len(shape) == 1 and one_hot and isinstance(settings, CategoryTarget):
        classes = classes or numbered(shape[0] or 0)
    elif shape:
        message = f"`{name}` is to be one integer for each example, but its examples have the shape {_shown(shape)}"
        help = "give single examples, `unbatch()` the dataset if it is batched"
        if len(shape) == 1 and shape[0] is not None:
            help += "; turn one-hot labels into integers with tf.argmax"
        raise _problem("target-shape", message, key, help)
    if isinstance(settings, CategoryTarget):
        return Feature(name, settings.kind, (), "int32", _classes(name, settings, classes, key))
    assert isinstance(settings, BinaryTarget)
    if len(classes) not in (0, 2):
        message = f"`{name}` is to be yes or no, but the source has {len(classes)} classes for it"
        raise _problem("classes-contradict", message, key, "use `kind: category`")
    return Feature(name, settings.kind, (), "int32", tuple(settings.classes or classes))


def feature_without_source(name: str, settings: AnyInput | AnyTarget) -> Feature | None:
    """The feature that the settings alone tell, None if they do not tell it all."""
    if isinstance(settings, CategoryTarget):
        classes = settings.classes
        known = numbered(classes) if isinstance(classes, int) else tuple(classes or ())
        return Feature(name, settings.kind, (), "int32", known) if known else None
    if isinstance(settings, BinaryTarget):
        return Feature(name, settings.kind, (), "int32", tuple(settings.classes or ()))
    if not isinstance(settings, InputSettings):
        return None
    dtype = "uint8" if settings.kind == "image" else "float32"
    return input_feature(name, settings, SourceField(None, dtype)) if settings.shape is not None else None


def numbered(classes: int) -> tuple[str, ...]:
    """Names of classes that have none: "0", "1", and so on."""
    return tuple(str(number) for number in range(classes))


def _classes(name: str, settings: CategoryTarget, found: Sequence[str], key: Key) -> tuple[str, ...]:
    stated = settings.classes
    if stated is None:
        return tuple(found)
    count = stated if isinstance(stated, int) else len(stated)
    if found and count != len(found):
        message = f"`classes` says {count}, but the source has {len(found)} classes for `{name}`"
        help = "leave `classes` out; the source tells it"
        raise _problem("classes-contradict", message, (*key, "classes"), help)
    if isinstance(stated, int):
        return tuple(found) or numbered(stated)
    if found and sorted(found) == sorted(stated) and list(found) != stated:
        message = f"`classes` lists the classes of `{name}` in another order than the source"
        raise _problem("classes-contradict", message, (*key, "classes"), f"its order is {', '.join(found)}")
    return tuple(stated)


def _numbers(field: SourceField, name: str, key: Key) -> None:
    if field.dtype in ("string", "object"):
        what = "text" if field.dtype == "string" else "Python objects"
        help = "number the classes from 0, and name them under `classes`" if key[1] == "targets" else "use numbers"
        raise _problem("field-type", f"the field of `{name}` holds {what}, not numbers", key, help)
    if field.dtype != "bfloat16" and np.dtype(field.dtype).kind not in "biuf":
        raise _problem("field-type", f"the field of `{name}` holds {field.dtype}", key, "use real numbers")


def _with_channels(shape: tuple[int | None, ...], kind: str) -> tuple[int | None, ...]:
    return (*shape, 1) if len(shape) + 1 == _RANKS.get(kind) else shape


def _agreed(
    name: str, found: tuple[int | None, ...], stated: tuple[int | None, ...], key: Key
) -> tuple[int | None, ...]:
    """What both shapes say together."""
    contradict = len(found) != len(stated) or any(
        f is not None and s is not None and f != s for f, s in zip(found, stated, strict=False)
    )
    if contradict:
        message = f"`shape` says {_shown(stated)}, but the examples of `{name}` have the shape {_shown(found)}"
        raise _problem("shape-mismatch", message, key, "leave `shape` out, or choose another field")
    return tuple(s if f is None else f for f, s in zip(found, stated, strict=True))


def _rank_help(shape: tuple[int | None, ...], rank: int) -> str:
    if len(shape) == rank + 1:
        return "give single examples; `unbatch()` the dataset if it is batched"
    if len(shape) == 1:
        return "use `kind: number` for plain vectors, or bring them into shape in the source"
    return "use another kind, or bring the examples into shape in the source"


def _example(kind: str) -> str:
    return {"image": "[28, 28, 1]", "sequence": "[100, 3]"}.get(kind, "[4]")


def _shown(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("null" if size is None else str(size) for size in shape) + "]"


def _problem(code: str, message: str, key: Key, help: str) -> ConfigError:
    return ConfigError(Problem(code, message, key, help=help))
