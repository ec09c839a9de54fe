"""A small configuration on real images, in files, and one finished run of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from dlkit.bundled.reading import read_mnist
from dlkit.cli import app

CONFIG = """\
name: small
expects: {test_accuracy: ">= 0.0"}
data:
  source: {kind: npz, path: digits.npz}
  inputs: {image: {kind: image, column: x}}
  targets: {label: {kind: category, column: y, classes: 10}}
  batch_size: 16
model: {builder: mlp, dense: [8], dropout: 0.2}
training: {epochs: 2, optimizer: sgd, first_batch: off}
runtime: {compile: graph}
"""


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `small.yaml` and its data."""
    folder = tmp_path_factory.mktemp("workspace")
    x, y = read_mnist("train")
    # 13 batches of 16: a short one would be one more program to compile in every run.
    parts = {"train": slice(0, 208), "validation": slice(208, 258), "test": slice(258, 328)}
    arrays = {f"x_{name}": x[part] for name, part in parts.items()}
    arrays |= {f"y_{name}": y[part] for name, part in parts.items()}
    np.savez(folder / "digits.npz", **arrays)
    (folder / "small.yaml").write_text(CONFIG)
    return folder


@pytest.fixture
def dlkit(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line within this process, in the folder of the configuration."""
    monkeypatch.chdir(workspace)

    def run(*words: Any, **options: Any) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], **options)

    return run


@pytest.fixture(scope="session")
def report(workspace: Path) -> dict[str, Any]:
    """What `dlkit train small.yaml --json` printed."""
    words = ["train", str(workspace / "small.yaml"), "--runs", str(workspace / "runs"), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture(scope="session")
def trained(report: dict[str, Any]) -> Path:
    """The folder of the finished run of `small.yaml`."""
    return Path(report["folder"])


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A copy of it in a folder of runs of its own, `tmp_path`, to change."""
    shutil.copytree(trained.parents[1], tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / trained.relative_to(trained.parents[1])
