"""Objects of Keras as the constructor calls that make them, with the arguments that differ from Keras's own."""

from __future__ import annotations

import inspect
import random
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dlkit.config.keras_names import layer_name, snake_case
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.export.script.code import Call, Code, flat, literal
from dlkit.schema.plugins import PLUGIN_PREFIX

MODULES = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers", "callbacks")
# Characters of a list that is written into the script; longer ones are in the file beside it.
LONGEST_LIST = 90
# Windows, of which Keras takes one number for all axes.
_WINDOWS = ("kernel_size", "pool_size", "strides", "dilation_rate")
# dlkit draws what is random by its own keys.
_LEFT_OUT = ("seed",)


class Needs:
    """What a script needs beside Keras.

    Attributes:
        arrays: by name, for one file.
        imports: lines that import the user's own classes, with the folders in which Python finds their modules.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.imports: dict[str, str] = {}

    def add(self, name: str, values: Any) -> str:
        """Keep values under a name, or one like it that is free: the expression that reads them."""
        values = np.asarray(values)
        free, number = name, 2
        while free in self.arrays:
            free, number = f"{name}_{number}", number + 1
        self.arrays[free] = values
        return f'ARRAYS["{free}"]'

    def or_literal(self, name: str, value: Any) -> Code:
        """A value, written out where it is short."""
        code = literal(value)
        return code if len(flat(code)) <= LONGEST_LIST else self.add(name, value)


def made_by(thing: Any, needs: Needs, key: Key = ("model",)) -> Call:
    """The constructor call of an object of Keras's.

    Args:
        thing: a layer, an initialiser, a loss, or another.
        needs: gets what is too long for a line, and imports.
        key: the setting that it comes from, for messages.

    Raises:
        ConfigError: if it is not Keras's own, or cannot be made by its arguments.
    """
    cls = type(thing)
    called = _called(cls, needs, key)
    config = _differing(thing, key) | _fitted(thing)
    if not _has_own_name(thing):
        config.pop("name", None)
    label = config.get("name") or f"{key[-1]}_{snake_case(cls.__name__)}"
    if "name" in config:  # at the end, as it is written by hand
        config["name"] = config.pop("name")
    written = {name: _value(name, value, needs, label, key) for name, value in config.items()}
    first = [written.pop(name) for name in _required(cls) if name in written]
    return Call(called, first, written)


def _called(cls: type[Any], needs: Needs, key: Key) -> str:
    """A class as a script calls it: by its place in Keras, or the user's own by its name."""
    for module in MODULES:
        if getattr(getattr(keras, module), cls.__name__, None) is cls:
            return f"layers.{cls.__name__}" if module == "layers" else f"keras.{module}.{cls.__name__}"
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or cls.__module__.split(".")[0] in ("dlkit", "keras", "__main__") or "." in cls.__qualname__:
        raise cannot_be_written(f"`{cls.__name__}` is no class of Keras's, and none that can be imported", key)
    # A file beside the configuration is imported by another name than its own.
    by_path = cls.__module__.startswith(PLUGIN_PREFIX)
    module, depth = Path(file).stem if by_path else cls.__module__, 0 if by_path else cls.__module__.count(".")
    needs.imports[f"from {module} import {cls.__name__}"] = str(Path(file).parents[depth])
    return cls.__name__


def cannot_be_written(why: str, key: Key, help: str = "") -> ConfigError:
    """The error of what plain Keras has no words for."""
    return ConfigError(Problem("not-exported", f"this cannot be written as plain Keras: {why}", key, help=help))


def _differing(thing: Any, key: Key) -> dict[str, Any]:
    """The arguments of an object, without those that its class would have by itself."""
    cls = type(thing)
    try:
        config = thing.get_config()
    except NotImplementedError:
        why, help = f"`{cls.__name__}` does not say how it is made", "give it a `get_config`, as Keras asks of layers"
        raise cannot_be_written(why, key, help) from None
    required = {name: _restored(config[name]) for name in _required(cls) if name in config}
    # A new object draws seeds, which no caller shall see.
    before = random.getstate()
    try:
        usual = cls(**required).get_config()
    finally:
        random.setstate(before)
    # By chance a new one may get the same name.
    found = {n: v for n, v in config.items() if n in required or n == "name" or v not in (usual.get(n), [usual.get(n)])}
    taken = inspect.signature(cls.__init__).parameters
    # Both directions of a bidirectional layer are alike unless it is said.
    if found.get("backward_layer") and _is_mirrored(found["layer"], found["backward_layer"]):
        del found["backward_layer"]
    known = {"name", "dtype", "trainable"} | taken.keys()
    return {n: v for n, v in found.items() if n in known and n not in _LEFT_OUT}


def _restored(value: Any) -> Any:
    """A value of a configuration, as a constructor takes it."""
    return keras.saving.deserialize_keras_object(value) if _is_object(value) else value


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and "class_name" in value


def _is_mirrored(forward: dict[str, Any], backward: dict[str, Any]) -> bool:
    """Whether a serialised layer is another one that goes backwards."""
    same = {"name", "go_backwards", "dtype"}
    one, other = ({n: v for n, v in layer["config"].items() if n not in same} for layer in (forward, backward))
    return repr(one) == repr(other)


def _required(cls: type[Any]) -> list[str]:
    """The arguments that a class cannot do without, and those that always stand first."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    return [p.name for p in parameters if p.kind in kinds and p.default is p.empty and p.name != "self"]


def _fitted(thing: Any) -> dict[str, Any]:
    """What a layer was given after it had been made: the means and variances of `Normalization`."""
    if not isinstance(thing, keras.layers.Normalization) or "mean" in _stated(thing):
        return {}
    if not thing.built:
        return {}
    return {"mean": _plain(thing.adapt_mean), "variance": _plain(thing.adapt_variance)}


def _stated(thing: Any) -> dict[str, Any]:
    return {name: value for name, value in thing.get_config().items() if value is not None}


def _plain(variable: Any) -> Any:
    """Numbers of float32 in as few digits as give the same ones."""
    values = np.asarray(variable, np.float32)
    return np.array([float(str(x)) for x in values.reshape(-1)]).reshape(values.shape).tolist()


def _has_own_name(thing: Any) -> bool:
    """Whether an object has a name that Keras would not give it, or one by which its weights are found."""
    name = getattr(thing, "name", None)
    if name is None:
        return False
    if isinstance(thing, keras.metrics.Metric):  # by some names its figures are found
        return bool(name != inspect.signature(type(thing).__init__).parameters["name"].default)
    usual = layer_name(type(thing).__name__)
    has_weights = getattr(thing, "weights", None) and not isinstance(thing, keras.layers.Normalization)
    return bool(has_weights) or name.rstrip("0123456789").rstrip("_") != usual


def _value(name: str, value: Any, needs: Needs, label: str, key: Key) -> Code:
    """An argument."""
    if _is_object(value):
        if value["class_name"] == "DTypePolicy":
            return literal(value["config"]["name"])
        return _word_or_call(_restored(value), needs, key)
    if isinstance(value, list | tuple) and name in _WINDOWS and len(set(value)) == 1:
        return literal(value[0])
    try:
        return needs.or_literal(f"{label}_{name}", value)
    except TypeError:
        raise cannot_be_written(f"the argument `{name}` of `{label}` is no plain value", key) from None


def _word_or_call(inner: Any, needs: Needs, key: Key) -> Code:
    """An object within another: of an initialiser its word, where that is all."""
    if inspect.isfunction(inner):
        return literal(inner.__name__)
    call = made_by(inner, needs, key)
    if not call.items and isinstance(inner, keras.initializers.Initializer):
        return literal(snake_case(flat(call.function).rpartition(".")[2]))
    return call
