"""`builder: python`: functions of the user's own, from a file beside the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlkit.config.problems import ConfigError
from dlkit.data.bound import Spec, bound
from dlkit.models.build import BuiltModel, build
from dlkit.schema.features import Feature
from dlkit.schema.loader import load

MODULE = """
import keras

def make(inputs, *, units=4):
    (x,) = inputs.values()
    return keras.layers.Dense(units, name="mine")(x)

def towers(inputs):
    return {"y": make(inputs)}

def broken(inputs):
    return inputs[0]

def rows(inputs):
    return keras.layers.RepeatVector(2)(inputs["x"])

def three(inputs):
    return 3

number = 3
"""


def built(folder: Path, model: str) -> BuiltModel:
    (folder / "my_net.py").write_text(MODULE)
    (folder / "config.yaml").write_text(f"""
name: t
data:
  source: {{kind: npz, path: x.npz}}
  inputs: {{x: {{kind: number}}}}
  targets: {{y: {{kind: binary}}}}
model:
  builder: python
{model}
""")
    loaded = load(folder / "config.yaml")
    spec = Spec({"x": Feature("x", "number", (3,), "float32")}, {"y": Feature("y", "binary", (), "int32")})
    with loaded.locating():
        return build(loaded.config, bound(spec, loaded.config.data))


def test_a_function_beside_the_configuration_makes_the_network(tmp_path: Path) -> None:
    made = built(tmp_path, "  function: my_net.py:make\n  arguments: {units: 6}")
    assert [w.shape for w in made.network.weights] == [(3, 6), (6,), (6, 1), (1,)]
    assert made.origins["mine"] == ("model",)
    assert [w.shape for w in built(tmp_path, "  function: my_net.py:towers").network.weights][:1] == [(3, 4)]


@pytest.mark.parametrize(
    ("model", "code", "line", "says"),
    [
        ("  function: my_net.py:mak", "no-function", 9, "did you mean `make`?"),
        ("  function: my_net.py:number", "no-function", 9, "is no function, but int"),
        ("  function: other_net.py:make", "plugin-not-found", 9, "other_net.py"),
        ("  function: make", "invalid-value", 9, "module:function"),
        ("  function: my_net.py:make\n  arguments: {unit: 3}", "function-arguments", 10, "units=4"),
        ("  function: my_net.py:broken", "function-failed", 9, "KeyError"),
        ("  function: my_net.py:rows", "not-a-vector", 9, "2 x 3"),
        ("  function: my_net.py:three", "not-a-vector", 9, "int, which is no tensor"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, model: str, code: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        built(tmp_path, model)
    (problem,) = refused.value.problems
    location: Any = problem.location
    assert (problem.code, location.line) == (code, line)
    assert says in f"{problem.message} {problem.label} {problem.help}"
