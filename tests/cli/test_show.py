"""dlkit show and schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from dlkit.schema import loader

Dlkit = Callable[..., Result]


def test_each_value_is_shown_with_who_set_it(dlkit: Dlkit) -> None:
    lines = dlkit("show", "small.yaml", "training.epochs=7").stdout.splitlines()
    found = {line.split()[0]: line.split(maxsplit=1)[1].split("  ") for line in lines}
    assert found["training.epochs"][0] == "7"
    assert found["training.epochs"][-1].strip() == "command line, argument 1"
    assert found["data.batch_size"][-1].strip() == "small.yaml:7"
    assert found["data.shuffle"][-1].strip() == "default"
    assert found["model.dense"][-1].strip() == "small.yaml:8"


def test_origins_stand_in_one_column(dlkit: Dlkit) -> None:
    lines = dlkit("show", "small.yaml").stdout.splitlines()
    assert len({line.index("default") for line in lines if line.endswith("  default")}) == 1


def test_plain_yaml_loads_as_the_same_configuration(dlkit: Dlkit, tmp_path: Path) -> None:
    text = dlkit("show", "small.yaml", "training.epochs=7", "--plain").stdout
    (tmp_path / "all.yaml").write_text(text)
    assert loader.load(tmp_path / "all.yaml").config == loader.load("small.yaml", ["training.epochs=7"]).config


def test_json_has_values_and_origins(dlkit: Dlkit) -> None:
    shown = json.loads(dlkit("show", "small.yaml", "--json").stdout)
    assert shown["config"]["data"]["batch_size"] == 16
    assert shown["origins"]["data.batch_size"] == "small.yaml:7"


def test_schema_is_json(dlkit: Dlkit) -> None:
    schema = json.loads(dlkit("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
