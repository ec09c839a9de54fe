"""What is fitted on the training rows is fitted once: runs that go on, and replays, read it from the run folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import RunError
from dlkit.runs import RunFolder
from dlkit.training import chunk, fitted
from dlkit.training.interrupts import Interrupted
from tests.training.helpers import InterruptAt, load_folder, resume, state_digest, train
from tests.training.test_several_inputs import CONFIG, INPUTS, TARGETS

DATA = dict.fromkeys(("train", "validation", "test"), (INPUTS, TARGETS))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three inputs and two targets, interrupted in its second epoch."""
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(chunk, "FIRST_CHUNK", 1)
        patch.setattr(chunk, "CHUNK_SECONDS", 0.0)
        train(CONFIG, folder, data=DATA, listener=InterruptAt(9))
    return (folder / "three" / "latest").resolve()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    """The same run, which nothing interrupted."""
    return train(CONFIG, tmp_path_factory.mktemp("whole"), data=DATA)


@pytest.fixture
def cut(interrupted: Path, tmp_path: Path) -> Path:
    """A copy of it, to go on with or to change."""
    return Path(shutil.copytree(interrupted, tmp_path / "cut"))


def test_a_run_of_three_inputs_and_two_targets_resumes_to_the_same_bits(cut: Path, whole: dlkit.Run) -> None:
    before = (cut / "fitted" / "spec.json").read_text()
    resume(cut, data=DATA)
    assert state_digest(cut) == state_digest(whole.folder)
    for name in ("test.json", "fitted/spec.json"):
        assert (cut / name).read_text() == (whole.folder / name).read_text()
    assert (cut / "fitted" / "spec.json").read_text() == before


def test_a_model_of_three_inputs_and_two_targets_has_one_set_of_figures(whole: dlkit.Run) -> None:
    # That another run has the same is held by the one that is resumed.
    model = keras.saving.load_model(whole.folder / "model.keras")
    raw = {name: tf.constant(values) for name, values in INPUTS.items()}
    results = model.predict(raw, verbose=0)
    accuracy = np.mean(results["group"].argmax(axis=1) == (TARGETS["group"] == "low"))
    assert accuracy == pytest.approx(whole.test["group_accuracy"])
    assert np.mean(np.abs(results["size"][:, 0] - TARGETS["size"])) == pytest.approx(
        whole.test["size_mean_absolute_error"], rel=1e-5
    )


def test_a_resumed_run_reads_what_was_fitted_and_fits_nothing(cut: Path) -> None:
    path = cut / "fitted" / "spec.json"
    content: dict[str, Any] = json.loads(path.read_text())
    steps = next(record for record in content["inputs"] if record["name"] == "numbers")["state"]["steps"]
    steps[1]["mean"] = [50.0, 60.0, 70.0]
    size = next(record for record in content["targets"] if record["name"] == "size")["state"]
    size["mean"] = [1000.0]
    path.write_text(json.dumps(content))
    resume(cut, data=DATA)
    model = keras.saving.load_model(cut / "model.keras")
    scales = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Normalization)]
    means = [layer.mean.numpy().reshape(-1).tolist() if hasattr(layer.mean, "numpy") else None for layer in scales]
    assert [50.0, 60.0, 70.0] in means
    assert abs(dlkit.load_run(cut).test["size_mean_absolute_error"]) > 500


def test_a_run_that_was_killed_before_it_began_fits_again(cut: Path) -> None:
    loaded = load_folder(cut)
    assert fitted.read(RunFolder(cut), loaded) is not None
    for name in ("environment.json", "checkpoints"):
        (cut / name).rename(cut / f"no-{name}")
    assert fitted.read(RunFolder(cut), loaded) is None


def test_a_run_without_what_it_fitted_is_not_gone_on_with(cut: Path) -> None:
    (cut / "fitted" / "spec.json").unlink()
    with pytest.raises(RunError, match=r"spec\.json cannot be used: No such file"):
        resume(cut, data=DATA)
