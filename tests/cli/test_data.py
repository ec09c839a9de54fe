"""`dlkit data describe` and `dlkit data show` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

Dlkit = Callable[..., Result]


def test_describe_prints_a_page_and_json(dlkit: Dlkit) -> None:
    page = dlkit("data", "describe", "small.yaml")
    assert page.exit_code == 0, page.output
    assert "input image: image, 28 x 28 x 1 uint8" in page.stdout
    content = json.loads(dlkit("data", "describe", "small.yaml", "--json").stdout)
    assert content["ok"] and content["splits"] == {"train": 208, "validation": 50, "test": 70}
    assert set(content["inputs"]) == {"image"} and set(content["targets"]) == {"label"}


def test_show_writes_a_picture_and_replaces_none(dlkit: Dlkit, tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    assert (
        f"{picture} shows 4 examples of test"
        in dlkit("data", "show", "small.yaml", "-o", picture, "--split", "test", "--count", 4).stdout
    )
    with Image.open(picture) as image:
        assert image.format == "PNG" and image.convert("L").getextrema() == (0, 255)
    again = json.loads(dlkit("data", "show", "small.yaml", "-o", picture, "--count", 1, "--json").stdout)
    assert again["picture"] == str(tmp_path / "x_2.png") and len(again["examples"]) == 1


@pytest.mark.parametrize("verb", ["describe", "show"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["small.yaml", "data.inputs.image.column=z"], "unknown-column"),
        (["small.yaml", "data.source.path=nowhere.npz"], "missing-file"),
        (["small.yaml", "data.inputs.image.kind=picture"], ""),
        ([], "no-config"),
    ],
)
def test_a_wrong_configuration_is_reported_as_elsewhere(dlkit: Dlkit, verb: str, words: list[str], code: str) -> None:
    result = dlkit("data", verb, *words)
    assert result.exit_code in (1, 2)
    assert f"error[{code}" in result.stderr and "Traceback" not in result.stderr


def test_a_picture_that_is_no_png_or_in_no_folder(dlkit: Dlkit) -> None:
    for output in ("x.jpg", "nowhere/x.png"):
        result = dlkit("data", "show", "small.yaml", "-o", output)
        assert result.exit_code == 2 and "error[bad-output]" in result.stderr


@pytest.mark.parametrize("verb", ["describe", "show"])
def test_help_fits_80_columns_and_has_examples(dlkit: Dlkit, verb: str) -> None:
    result = dlkit("data", verb, "--help", env={"COLUMNS": "80"})
    assert "Examples:" in result.stdout and f"dlkit data {verb}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
