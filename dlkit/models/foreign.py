"""Which classes and functions a saved model names that are not Keras's own, found without importing anything.

Keras itself imports a module that a model names, if it lies below `keras`, `keras_hub`, `keras_cv` or `keras_nlp`, from
wherever Python finds it. So every name is looked up here first, in modules that are loaded already.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any

import keras
import numpy as np

# What the parts of a model are. Layers and `keras.ops` are operations.
FAMILIES = (
    keras.Operation,
    keras.layers.Layer,
    keras.metrics.Metric,
    keras.losses.Loss,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
    keras.dtype_policies.DTypePolicy,
)
# Keras's own, and yet made to run code or open files that the configuration names.
RUN_CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
OPEN_FILES = {"vocabulary", "idf_weights"}
# Where Keras looks for a function, or for a class of an older configuration, that is named without its module.
NAMED_ALONE = (
    "activations", "losses", "metrics", "ops", "layers", "initializers", "regularizers", "constraints", "optimizers",
    "models",
)  # fmt: skip
FUNCTIONS_OF = ("keras.activations", "keras.losses", "keras.metrics", "keras.ops")
PLAIN = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}


def foreign_parts(config: Any) -> list[str]:
    """The classes and functions in the configuration of a model that are not Keras's, as `module.name`.

    Classes that are registered with Keras in this process count as known: their code has been imported already.

    Args:
        config: the content of `config.json`.

    Raises:
        ValueError: if it holds an object that is none.
    """
    found: dict[str, None] = {}
    left = [config]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if any(key in part for key in ("class_name", "registered_name", "spec_name")):
                name = _foreign(part)
                if name:
                    found[name] = None
            for key in OPEN_FILES & part.keys():
                if isinstance(part[key], str):
                    raise ValueError(f"its `{key}` names a file")
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
    return list(found)


def _foreign(part: dict[str, Any]) -> str | None:
    """The name of a described object, if it is not Keras's."""
    name, module, registered = part.get("class_name"), part.get("module"), part.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, str | None) or not isinstance(registered, str | None):
        raise ValueError("a class in its configuration has no name")
    if name in PLAIN:
        _check_plain(part.get("config"))
        return None
    if registered in keras.saving.get_custom_objects():
        return None
    if name == "function":
        function = part.get("config")
        if not isinstance(function, str):
            raise ValueError("a function in its configuration has no name")
        own = registered in (None, function, name) and _is_function(module, function)
        return None if own else _shown(module, function)
    own = registered in (None, name) and name not in RUN_CODE and _is_class(module, name)
    return None if own else _shown(module, registered or name)


def _check_plain(value: Any) -> None:
    """Numbers as they are; a type such as `U1000000000` would fill the memory with one of them."""
    dtype = value.get("dtype") if isinstance(value, dict) else None
    if dtype is not None and (not isinstance(dtype, str) or not _is_number(dtype)):
        raise ValueError("an array in its configuration has no type of numbers")


def _is_number(dtype: str) -> bool:
    try:
        return dtype in ("bfloat16", "string") or np.dtype(dtype).kind in "iufb"
    except TypeError:
        return False


def _is_class(module: str | None, name: str) -> bool:
    for place in _places(module):
        found = vars(place).get(name)
        if inspect.isclass(found) and issubclass(found, FAMILIES) and found.__module__.startswith("keras."):
            return found.__name__ not in RUN_CODE
    return False


def _is_function(module: str | None, name: str) -> bool:
    places = _places(None if module == "builtins" else module if module in FUNCTIONS_OF else "")
    return any(inspect.isfunction(f := vars(place).get(name)) and f.__module__.startswith("keras.") for place in places)


def _places(module: str | None) -> list[ModuleType]:
    """The modules, loaded already, in which Keras would look for a name."""
    if module is None:
        return [getattr(keras, word) for word in NAMED_ALONE]
    if module.startswith("keras.src."):
        found = sys.modules.get(module)
        return [found] if found is not None else []
    place: Any = keras
    words = module.split(".")
    for word in words[1:]:
        place = vars(place).get(word) if isinstance(place, ModuleType) else None
    return [place] if words[0] == "keras" and isinstance(place, ModuleType) else []


def _shown(module: str | None, name: str) -> str:
    return f"{module}.{name}"[:100] if module else name[:100]
