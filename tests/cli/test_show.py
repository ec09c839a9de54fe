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


def test_the_network_is_a_table_and_a_picture_and_names_the_settings(dlkit: Dlkit, tmp_path: Path) -> None:
    result = dlkit("show", "small.yaml", "--plot", tmp_path / "net.svg")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line}
    assert rows["dense_1"].split()[1:] == ["Dense", "8", "6,280", "6,272", "model"]
    assert "data.targets.label" in rows["label"]
    assert "dense_1: Dense" in (tmp_path / "net.svg").read_text(encoding="utf-8")
    assert str(tmp_path / "net.svg") in result.stdout


def test_the_network_in_json_and_without_data(dlkit: Dlkit) -> None:
    words = ["model.dense=[4, 3]", "data.inputs.image.shape=[28, 28, 1]"]
    shown = json.loads(dlkit("show", "small.yaml", "--model", "--no-data", "--json", *words).stdout)
    dense = [layer for layer in shown["layers"] if layer["type"] == "Dense"]
    assert [layer["output"] for layer in dense] == [[4], [3], [10]]
    assert shown["multiply_adds"] == sum(layer["multiply_adds"] for layer in shown["layers"]) == 784 * 4 + 12 + 30
    assert shown["picture"] is None


def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_read(dlkit: Dlkit, tmp_path: Path) -> None:
    for name, said in ((tmp_path / "net.png", "let it end in .svg"), (tmp_path / "no" / "net.svg", "no folder")):
        result = dlkit("show", "small.yaml", "--plot", name)
        assert result.exit_code == 2
        assert said in result.stderr
