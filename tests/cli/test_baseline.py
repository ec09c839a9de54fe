"""`dlkit baseline` prints what simple models reach, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

CONFIG = """\
name: cancer
data:
  source: {kind: npz, path: cancer.npz}
  splits: {test: 30%}
  inputs: {x: {kind: number}}
  targets: {y: {kind: binary}}
model: {builder: mlp, dense: [4]}
training: {epochs: 1, optimizer: sgd}
runtime: {compile: graph}
"""


@pytest.fixture
def config(workspace: Path) -> Path:
    bunch = load_breast_cancer()
    np.savez(workspace / "cancer.npz", x_train=bunch.data, y_train=bunch.target)
    path = workspace / "cancer.yaml"
    path.write_text(CONFIG.replace("{kind: number}", "{kind: number, column: x}"))
    return path


def test_a_table(dlkit: Callable[..., Any], config: Path) -> None:
    result = dlkit("baseline", config)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "cancer, judged on 171 test examples"
    assert lines[2].split() == ["y", "loss", "accuracy", "fitted", "on"]
    names = [line.strip().split("  ")[0] for line in lines[3:6]]
    assert names == ["majority class", "logistic regression", "boosted trees"]


def test_json_has_the_same_as_a_run(dlkit: Callable[..., Any], config: Path) -> None:
    found = json.loads(dlkit("baseline", config, "--json").stdout)
    run = json.loads(dlkit("train", config, "--json").stdout)["baselines"]
    assert found["ok"] and found["split"] == "test" and found["examples"] == 171
    figures = [row["figures"] for row in found["baselines"]]
    assert figures == [row["figures"] for row in run["baselines"]]


def test_a_fast_dev_run_is_compared_on_its_few_batches(dlkit: Callable[..., Any], config: Path) -> None:
    words = (config, "data.batch_size=8", "training.fast_dev_run=3", "--json")
    found = json.loads(dlkit("baseline", *words).stdout)
    run = json.loads(dlkit("train", *words).stdout)["baselines"]
    assert found["examples"] == 24
    assert [row["figures"] for row in found["baselines"]] == [row["figures"] for row in run["baselines"]]


def test_without_a_split_to_judge_on(dlkit: Callable[..., Any], config: Path) -> None:
    result = dlkit("baseline", config, "data.splits=null", "--json")
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert (problem["code"], problem["message"]) == (
        "no-test", "there is neither a test nor a validation split to judge on"
    )  # fmt: skip
