"""What a configuration can choose from: files of a folder, and what the plug-ins that it names add."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from dlkit.builders._blocks._block import BLOCKS
from dlkit.config.problems import ConfigError
from dlkit.schema.builder import BUILDERS, BuilderSettings
from dlkit.schema.json_schema import json_schema
from dlkit.schema.loader import load
from dlkit.schema.optimizers import OPTIMIZERS
from dlkit.schema.plugins import FAMILIES
from dlkit.schema.registry import Additions, plugged
from dlkit.schema.source import SOURCES
from dlkit.schema.training import SCHEDULES

PACKAGE = Path(__file__).parents[2] / "dlkit"
EVERY = [*FAMILIES.values(), OPTIMIZERS, SCHEDULES, BLOCKS]
CONFIG = """\
name: mine
plugins: [{plugin}]
data:
  source: {{kind: npz, path: a.npz}}
  inputs: {{x: {{kind: number}}}}
  targets: {{y: {{kind: number}}}}
model: {{builder: net, units: 8}}
"""
BUILDER = "def net(inputs, *, {setting}: int = 1):\n    return inputs['x']\n\nbuilders = {{'net': net}}\n"


def write(folder: Path, setting: str) -> Path:
    folder.mkdir()
    (folder / "nets.py").write_text(BUILDER.format(setting=setting))
    (folder / "config.yaml").write_text(CONFIG.format(plugin="nets"))
    return folder / "config.yaml"


@pytest.mark.parametrize("registry", EVERY, ids=lambda r: r.what)
def test_every_name_is_that_of_its_class(registry):
    assert registry.names()
    for name in registry.names():
        cls = registry[name]
        assert issubclass(cls, registry.base)
        assert cls.model_fields[registry.tag].annotation == Literal[name]
        assert (cls.__doc__ or "").strip()


@pytest.mark.parametrize("folder", FAMILIES)
def test_names_are_the_files_of_the_folder(folder):
    names = FAMILIES[folder].names()
    assert names == sorted(f.stem for f in (PACKAGE / folder).glob("*.py") if not f.stem.startswith("_"))
    assert len(names) >= 3


@pytest.mark.parametrize("registry", EVERY, ids=lambda r: r.what)
def test_an_unknown_name_stands_for_nothing(registry):
    for name in ("none_such", "_plugin", "__init__", ""):
        with pytest.raises(KeyError):
            registry[name]


def test_listing_the_names_imports_none_of_them():
    # What several sources share, `_files.py` and the like, may come with one of them.
    code = (
        "import sys; from dlkit.schema.source import SOURCES; SOURCES.names(); "
        "print([m for m in sys.modules if m.startswith('dlkit.sources.')]); SOURCES['npz']; "
        "print([m for m in sys.modules if m.startswith('dlkit.sources.') and '._' not in m], 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['dlkit.sources.npz'] False"]


def test_a_configuration_without_plugins_sees_none_of_anothers(tmp_path):
    config = load(write(tmp_path / "one", "units")).config
    assert config.model.builder == "net"
    assert BUILDERS.names() == BUILDERS.own_names
    text = (tmp_path / "one" / "config.yaml").read_text().replace("plugins: [nets]\n", "")
    (tmp_path / "plain.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "plain.yaml")
    (problem,) = caught.value.problems
    assert (problem.code, problem.key) == ("unknown-choice", ("model", "builder"))
    assert problem.help == f"choices: {', '.join(BUILDERS.own_names)}"


def test_two_configurations_have_plugins_of_one_name_from_different_files(tmp_path):
    first, second = write(tmp_path / "one", "units"), write(tmp_path / "two", "units")
    (second.parent / "nets.py").write_text(BUILDER.format(setting="width"))
    assert load(first).config.model.units == 8
    with pytest.raises(ConfigError) as caught:
        load(second)
    assert [(p.code, p.key) for p in caught.value.problems] == [("unknown-key", ("model", "units"))]
    second.write_text(second.read_text().replace("units", "width"))
    assert load(second).config.model.width == 8
    assert load(first).config.model.units == 8


def test_a_plugin_adds_only_classes_of_the_family_under_their_own_name():
    class Other(BuilderSettings):
        """Another builder."""

        builder: Literal["other"]

    additions = Additions()
    with pytest.raises(TypeError, match="builder"):
        BUILDERS.add("wrong", Other, additions)
    with pytest.raises(TypeError, match="SourceSettings"):
        SOURCES.add("other", Other, additions)
    BUILDERS.add("other", Other, additions)
    with plugged(additions):
        assert BUILDERS["other"] is Other
        assert "Other" in json_schema()["$defs"]
    assert "other" not in BUILDERS


CLASSES = '''
from collections.abc import Collection
from typing import Literal

from pydantic import Field

from dlkit.schema.builder import BuilderSettings
from dlkit.schema.input import InputSettings
from dlkit.schema.source import SourceData, SourceSettings, fields_of
from dlkit.schema.step import StepSettings
from dlkit.schema.target import TargetSettings


class Zeros(SourceSettings):
    """Zeros."""

    kind: Literal["zeros"]
    rows: int = Field(3, description="Rows.")


class Angle(InputSettings):
    """Angles."""

    kind: Literal["angle"]


class Count(TargetSettings):
    """Counts."""

    default_loss, losses, holds = "poisson", frozenset({"poisson"}), "counts"
    kind: Literal["count"]


class Square(StepSettings):
    """Squares."""

    step: Literal["square"]
    times: int = Field(1, description="How often.")


class Straight(BuilderSettings):
    """Nothing between inputs and heads."""

    builder: Literal["straight"]


sources, inputs, targets = {"zeros": Zeros}, {"angle": Angle}, {"count": Count}
steps, builders = {"square": Square}, {"straight": Straight}
'''


def test_a_plugin_adds_a_class_to_each_family(tmp_path):
    (tmp_path / "parts.py").write_text(CLASSES)
    (tmp_path / "config.yaml").write_text(
        "name: mine\nplugins: [parts]\ndata:\n  source: {kind: zeros, rows: 5}\n"
        "  inputs:\n    a: {kind: angle}\n    x: {kind: number, preprocess: [{square: {times: 2}}, square]}\n"
        "  targets: {y: {kind: count}}\nmodel: {builder: straight}\n"
    )
    loaded = load(tmp_path / "config.yaml")
    data = loaded.config.data
    assert (data.source.rows, data.inputs["a"].kind, data.targets["y"].holds) == (5, "angle", "counts")
    assert [step.times for step in data.inputs["x"].preprocess] == [2, 1]
    (tmp_path / "again.yaml").write_text(loaded.to_yaml())
    assert load(tmp_path / "again.yaml").config.data == data


def test_a_setting_of_a_function_cannot_have_the_name_of_what_its_class_does(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path / "one", "build"))
    assert "`build` cannot be a setting" in caught.value.problems[0].message


def test_an_error_in_a_nested_section_keeps_its_key_path():
    from dlkit.schema import Config

    mapping = {
        "name": "a",
        "data": {"inputs": {"x": {"kind": "image", "preprocess": [{"resize": {"height": "a"}}]}}, "targets": {}},
        "model": {"builder": "cnn", "blocks": [{"filters": 0}]},
    }
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(mapping)
    found = {error["loc"] for error in caught.value.errors()}
    assert ("data", "inputs", "x", "preprocess", 0, "height") in found
    assert ("model", "blocks", 0, "filters") in found
