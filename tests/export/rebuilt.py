"""A network written as code and built from it again."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from dlkit.export.script.code import statement
from dlkit.export.script.graph import Names, statements
from dlkit.export.script.objects import Needs
from dlkit.models.build import BuiltModel


def code_of(built: BuiltModel) -> tuple[str, Needs]:
    """The function `build` that makes a network of its prepared inputs, in a dictionary, and its arrays."""
    inputs = by_name(built.network.input, built.spec.inputs)
    outputs = by_name(built.network.output, built.spec.targets)
    needs = Needs()
    names = Names({id(x): n for n, x in inputs.items()}, {*inputs, *outputs})
    found = statements(outputs, names, needs, built.origins)
    lines = [line for one in found for line in statement(one.code, before=f"{one.name} = ")]
    returned = ", ".join(f'"{name}": {name}' for name in outputs)
    return "\n".join([f"def build({', '.join(inputs)}):", *lines, f"    return {{{returned}}}"]) + "\n", needs


def by_name(tensors: Any, names: Any) -> dict[str, Any]:
    """Tensors by name, also where there is only one."""
    return tensors if isinstance(tensors, dict) else {next(iter(names)): tensors}


def rebuilt(built: BuiltModel) -> tuple[keras.Model, str]:
    """The network that the code makes, with the weights of the other; and the code."""
    text, needs = code_of(built)
    space: dict[str, Any] = {"keras": keras, "layers": layers, "ops": ops, "np": np, "ARRAYS": needs.arrays}
    exec(text, space)
    inputs = {
        name: keras.Input(x.shape[1:], dtype=x.dtype, name=name)
        for name, x in by_name(built.network.input, built.spec.inputs).items()
    }
    model = keras.Model(inputs, space["build"](**inputs))
    model.set_weights(built.network.get_weights())
    return model, text
