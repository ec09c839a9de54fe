"""`first_batch.png` of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from tests.looking import data

QUICK = {"training.optimizer": "sgd", "runtime.compile": "graph"}


def weights(run: dlkit.Run) -> list[Any]:
    return [np.asarray(w) for w in run.model.weights]


def test_a_run_has_a_picture_of_its_first_examples_that_changes_nothing(tmp_path: Path) -> None:
    config = data.npz(tmp_path)
    run = dlkit.train(config, QUICK, runs_folder=tmp_path / "a", verbose=False)
    assert data.colours(run.folder / "first_batch.png") > 10
    without = dlkit.train(config, QUICK | {"training.first_batch": "off"}, runs_folder=tmp_path / "b", verbose=False)
    assert not (without.folder / "first_batch.png").exists()
    for one, other in zip(weights(run), weights(without), strict=True):
        np.testing.assert_array_equal(one, other)
    assert run.history == without.history


def test_a_run_of_a_table_has_no_picture_and_says_nothing_of_it(tmp_path: Path) -> None:
    run = dlkit.train(data.csv(tmp_path), QUICK, runs_folder=tmp_path / "runs", verbose=False)
    assert not (run.folder / "first_batch.png").exists()
    assert "first_batch" not in (run.folder / "train.log").read_text()


def test_a_picture_that_cannot_be_drawn_is_a_note_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **more: Any) -> None:
        raise OverflowError("too many lines")

    monkeypatch.setattr("dlkit.inputs.image.ImageInput.draw", broken)
    run = dlkit.train(data.npz(tmp_path), QUICK, runs_folder=tmp_path / "runs", verbose=False)
    assert run.state == "finished"
    log = (run.folder / "train.log").read_text()
    assert "there is no first_batch.png: OverflowError: too many lines" in log
