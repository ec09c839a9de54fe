"""The names that Keras knows, and the arguments of their constructors, without importing Keras.

`keras_names.json` is written by `make keras-names` and a test holds it equal to the installed Keras. It maps a
category (activations, losses, metrics, optimizers, initializers, regularizers, constraints, layers,
random_layers, applications) to names to arguments. Those of applications are in lower case: `resnet50`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files


@cache
def table() -> dict[str, dict[str, list[str]]]:
    """The table: category, then name in snake_case, then the constructor's argument names in order."""
    text = files("dlkit.config").joinpath("keras_names.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, list[str]]] = json.loads(text)
    return loaded


def snake_case(name: str) -> str:
    """`SparseCategoricalCrossentropy` as `sparse_categorical_crossentropy`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def layer_name(name: str) -> str:
    """The class of a layer as configurations name it: `Conv2DTranspose` as `conv2d_transpose`, `PReLU` as `prelu`."""
    word = re.sub(r"(?<=\d)D", "d", name.replace("PReLU", "Prelu").replace("ReLU", "Relu"))
    return snake_case(word)
