"""dlkit train --replay and --profile: what they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Dlkit = Callable[..., Result]

TOO_HIGH = "training.optimizer={name: sgd, learning_rate: 1.0e+30}"


def test_a_nan_is_reported_with_its_layer_and_replayed_tensor_by_tensor(dlkit: Dlkit, tmp_path: Path) -> None:
    failed = dlkit("train", "small.yaml", "--runs", tmp_path, TOO_HIGH)
    assert failed.exit_code == 1
    assert "the first tensor that is not finite is" in failed.stderr
    assert "dlkit train --replay" in failed.stderr
    shown = dlkit("train", "--replay", "small", "--runs", tmp_path)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert sum("<- first" in line for line in lines) == 1
    assert any(line.strip().startswith("outputs of layer dense_1") for line in lines)
    message = json.loads(dlkit("train", "--replay", "small", "--runs", tmp_path, "--json").stdout)
    first = next(row["tensor"] for row in message["rows"] if row["bad"])
    assert message["first"] == first
    assert f"`{first}`" in failed.stderr


def test_replay_names_its_run_itself(dlkit: Dlkit) -> None:
    result = dlkit("train", "small.yaml", "--replay", "small")
    assert result.exit_code == 2
    assert "`--replay` names the run itself" in result.stderr


def test_a_run_that_met_no_nan_has_nothing_to_replay(dlkit: Dlkit, trained: Path) -> None:
    result = dlkit("train", "--replay", trained)
    assert result.exit_code == 1
    assert "error[nothing-to-replay]" in result.stderr


def test_a_profile_is_traced_and_reported(dlkit: Dlkit, tmp_path: Path) -> None:
    result = dlkit("train", "small.yaml", "--runs", tmp_path, "--profile")
    assert result.exit_code == 0, result.output
    for word in ("time of a step", "waiting for data", "compute", "the rest", "compiling"):
        assert word in result.stdout
    assert list((tmp_path / "small" / "latest" / "tensorboard").rglob("*.xplane.pb"))


def test_a_profile_adds_up_to_the_whole_time(dlkit: Dlkit, tmp_path: Path) -> None:
    message = json.loads(dlkit("train", "small.yaml", "--runs", tmp_path, "--profile", "--json").stdout)["profile"]
    assert set(message["milliseconds"]) == {"data", "compute", "health", "validation", "saving", "host"}
    assert message["milliseconds"]["compute"] > 0
    assert message["steps"] > 0
