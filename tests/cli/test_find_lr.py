"""dlkit find-lr."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dlkit.cli import app

Dlkit = Callable[..., Result]


@pytest.fixture
def dlkit(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dlkit:
    """Runs the command line in a folder that holds the configuration and its data alone."""
    for name in ("small.yaml", "digits.npz"):
        shutil.copy(workspace / name, tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*words: Any, **options: Any) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], **options)

    return run


def test_the_line_to_write_is_printed_and_the_picture_alone_is_written(dlkit: Dlkit, tmp_path: Path) -> None:
    result = dlkit("find-lr", "small.yaml")
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if "steepest descent" in line]
    override = line.split()[-1]
    key, _, rate = override.partition("=")
    assert key == "training.optimizer.learning_rate"
    assert 1e-4 <= float(rate) <= 1e-1
    assert result.stdout.count("<- ") in (1, 2)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert {p.name for p in tmp_path.iterdir()} == {"small.yaml", "digits.npz", "small_find_lr.png"}
    assert (tmp_path / "small_find_lr.png").read_bytes().startswith(b"\x89PNG")
    # It is a line that the other verbs take.
    assert dlkit("show", "small.yaml", override).exit_code == 0


def test_a_picture_that_is_there_is_kept(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "lr.png").write_text("mine")
    for expected in ("lr_2.png", "lr_3.png"):
        result = dlkit("find-lr", "small.yaml", "--steps", 20, "--output", "lr.png")
        assert expected in result.stdout
        assert (tmp_path / expected).exists()
    assert (tmp_path / "lr.png").read_text() == "mine"


def test_json_has_the_curve(dlkit: Dlkit) -> None:
    message = json.loads(dlkit("find-lr", "small.yaml", "--json").stdout)
    assert message["ok"]
    assert message["override"] == f"training.optimizer.learning_rate={message['suggestion']:g}"
    assert len(message["rates"]) == len(message["losses"]) == len(message["smoothed"]) <= 200
    assert message["picture"] == "small_find_lr.png"
    assert message["problems"] == []


def test_no_suggestion_is_a_warning_and_exit_status_0(dlkit: Dlkit) -> None:
    result = dlkit("find-lr", "small.yaml", "--from", "1e-9", "--to", "1e-8", "--steps", 20)
    assert result.exit_code == 0
    assert "warning[no-suggestion]" in result.stderr
    assert "learning_rate=" not in result.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--from", "1", "--to", "0.1"], "bad-range"),
        (["--steps", "5"], "bad-range"),
        (["--output", "lr.jpg"], "bad-output"),
        (["--output", "nowhere/lr.png"], "bad-output"),
        (["training.epoch=3"], "unknown-key"),
        (["data.source.path=gone.npz"], "missing-file"),
    ],
)
def test_mistakes_end_with_exit_status_2(dlkit: Dlkit, words: list[str], code: str) -> None:
    result = dlkit("find-lr", "small.yaml", *words)
    assert result.exit_code == 2, result.output
    assert f"error[{code}]" in result.stderr


def test_without_a_configuration(dlkit: Dlkit) -> None:
    assert "dlkit find-lr configs/mnist_cnn.yaml" in dlkit("find-lr").stderr


def test_help_fits_80_columns_and_has_examples(dlkit: Dlkit) -> None:
    result = dlkit("find-lr", "--help", env={"COLUMNS": "80"})
    assert "Examples:" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
