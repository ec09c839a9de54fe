from __future__ import annotations

import pytest

from dlkit.schema.json_schema import json_schema
from dlkit.schema.loader import load
from tests.config.base import VALID, load_text, mistakes

MODULE = '''
from typing import Literal

class Half:
    def __init__(self, weight=0.5, name="half", dtype=None):
        pass

def two_layers(inputs, *, units: int = 64, shape: list[int] | None = None, style: Literal["a", "b"] = "a"):
    """Two dense layers."""

def digits(*, path: str, copy: bool = False):
    return {}

sources = {"digits": digits}
builders = {"two_layers": two_layers}
losses = {"half": Half}
metrics = {"half": Half}
'''
TEXT = """\
name: mine
plugins: [my_plugin]
data:
  source: {kind: digits, path: a.npz}
  inputs: {x: {kind: number}}
  targets: {y: {kind: number}}
model: {builder: two_layers, units: 8}
training: {loss: {name: half, weight: 0.1}, metrics: [half, mean_absolute_error]}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_plugin.py").write_text(MODULE)
    return tmp_path


def test_a_plugin_adds_typed_sources_builders_losses_and_metrics(folder):
    loaded = load_text(folder, TEXT)
    config = loaded.config
    assert config.model.model_dump() == {"builder": "two_layers", "units": 8, "shape": None, "style": "a"}
    assert config.data.source.model_dump() == {"kind": "digits", "path": "a.npz", "copy": False}
    assert (config.training.loss.name, config.training.loss.arguments) == ("half", {"weight": 0.1})
    assert type(config.model).function.__name__ == "two_layers"
    assert set(loaded.plugins.functions) == {"metrics", "losses", "callbacks"}


def test_the_resolved_configuration_finds_the_plugin_from_another_folder(folder, tmp_path_factory):
    loaded = load_text(folder, TEXT)
    elsewhere = tmp_path_factory.mktemp("run") / "config.yaml"
    elsewhere.write_text(loaded.to_yaml())
    again = load(elsewhere).config
    assert again.model_dump() == {**loaded.config.model_dump(), "plugins": [str(folder / "my_plugin.py")]}


@pytest.mark.parametrize(
    ("old", "new", "code", "key", "said"),
    [
        ("units: 8", "unit: 8", "unknown-key", ("model", "unit"), "did you mean `units`?"),
        ("units: 8", "units: '8'", "wrong-type", ("model", "units"), "write 8"),
        ("units: 8", "style: c", "unknown-choice", ("model", "style"), "a, b"),
        ("two_layers,", "two_layer,", "unknown-choice", ("model", "builder"), "did you mean `two_layers`?"),
        ("kind: digits, path: a.npz", "kind: digits", "missing-key", ("data", "source", "path"), "needs `path`"),
        ("kind: digits", "kind: digit", "unknown-choice", ("data", "source", "kind"), "did you mean `digits`?"),
        ("weight: 0.1", "wieght: 0.1", "unknown-key", ("training", "loss", "wieght"), "did you mean `weight`?"),
        ("[half,", "[halve,", "unknown-choice", ("training", "metrics", 0), "did you mean `half`?"),
        ("[my_plugin]", "[my_plugn]", "plugin-not-found", ("plugins", 0), "next to the configuration"),
        ("[my_plugin]", "[my_plugin, gone.py]", "plugin-not-found", ("plugins", 1), ""),
        ("[my_plugin]", "my_plugin", "wrong-type", ("plugins",), "[my_plugin]"),
    ],
)
def test_mistakes_with_plugins_are_reported_as_well_as_with_built_ins(folder, old, new, code, key, said):
    problem = mistakes(folder, TEXT.replace(old, new))[0]
    assert (problem.code, problem.key) == (code, key)
    assert problem.location is not None
    assert said in f"{problem.label} {problem.help}"


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("x = 1", "bad-plugin"), ("builders = [1]", "bad-plugin"), ("builders = {'a': 3}", "bad-plugin"),
        ("builders = {'a': lambda: 0}", "bad-plugin"), ("builders = {'a': lambda x, y: 0}", "bad-plugin"),
        ("builders = {'a': lambda x, **k: 0}", "bad-plugin"), ("sources = {'a': lambda x: 0}", "bad-plugin"),
        ("def f(x, *, kind: 'nope'): 0\nbuilders = {'a': f}", "bad-plugin"),
        ("builders = {'cnn': lambda x: 0}", "plugin-name-taken"), ("losses = {'huber': print}", "plugin-name-taken"),
        ("1 / 0", "plugin-failed"), ("import no_such_module_at_all", "plugin-failed"), ("def", "plugin-failed"),
    ],
)  # fmt: skip
def test_a_plugin_that_cannot_be_used_is_a_problem_at_its_name(tmp_path, module, code):
    (tmp_path / "broken_plugin.py").write_text(module)
    problem = mistakes(tmp_path, VALID.replace("seed: 42", "plugins: [broken_plugin]"))[0]
    assert (problem.code, problem.key) == (code, ("plugins", 0))
    assert (problem.location.line, problem.location.column) == (2, 11)


def test_a_name_that_two_plugins_add_is_refused(folder):
    (folder / "other.py").write_text(MODULE)
    found = mistakes(folder, TEXT.replace("[my_plugin]", "[my_plugin, other]"))
    assert {p.code for p in found} == {"plugin-name-taken"}


def test_the_json_schema_can_be_extended_with_plugins(folder):
    with load_text(folder, TEXT).plugins.active():
        schema = json_schema()
    assert "two_layers" in str(schema["$defs"]) and "digits" in str(schema["$defs"])
