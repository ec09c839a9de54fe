"""A loss or weight that is no finite number: traced to its batch and tensor, kept, replayed, and rolled back from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import RunError
from dlkit.runs import RunFolder
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.interrupts import Interrupted
from dlkit.training.listeners import Listener
from dlkit.training.nonfinite import incident as incidents
from dlkit.training.nonfinite.replay import replay
from tests.training.helpers import SGD, InterruptAt, load_folder, resume, settings, state_digest, train

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(160, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int32")
DATA = {"train": (X, Y), "validation": (X[:40], Y[:40])}


def config(training: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A small network over six numbers; epochs of ten updates."""
    inputs = {
        "inputs": {"x": {"kind": "number", "preprocess": []}},
        "targets": {"y": {"kind": "category", "classes": 2}},
    }
    model = {"builder": "mlp", "dense": [8, 8], "activation": more.pop("activation", "relu")}
    return settings(model, {**SGD, **(training or {})}, data={**inputs, **more.pop("data", {})}, **more)


def stream(x: np.ndarray) -> dict[str, tf.data.Dataset]:
    """The same examples as a stream, whose values nobody looks at before training."""
    return {
        "train": tf.data.Dataset.from_tensor_slices((x, Y)),
        "validation": tf.data.Dataset.from_tensor_slices((X, Y)),
    }


def failed_run(tmp_path: Path, settings: dict[str, Any], data: Any = DATA) -> tuple[RunError, RunFolder]:
    with pytest.raises(RunError) as failed:
        train(settings, tmp_path, data=data)
    return failed.value, RunFolder((tmp_path / "small" / "latest").resolve())


@pytest.mark.parametrize("long", [True, False], ids=["one chunk", "chunks of a step"])
def test_a_nan_in_the_data_is_traced_to_its_batch_and_example(
    tmp_path: Path, long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not long:
        from dlkit.training import chunk

        monkeypatch.setattr(chunk, "FIRST_CHUNK", 1)
    x = X.copy()
    x[5 * 16 + 3, 4] = np.nan
    data = {"shuffle": False}
    error, folder = failed_run(tmp_path, config({"health": "off"}, data=data, image={}), stream(x))
    (problem,) = error.problems
    assert problem.code == "loss-not-finite"
    assert "epoch 1, batch 6 of 10" in problem.message
    assert "`input x` (1 of 96 values, of examples 3 of the batch: rows 83 of train)" in problem.message
    assert problem.key == ("data",)
    kept = incidents.load(folder.nonfinite)
    assert kept is not None
    np.testing.assert_array_equal(kept.batch.inputs["x"], x[80:96])
    np.testing.assert_array_equal(kept.batch.targets["y"], Y[80:96])
    assert not folder.model.exists()


def test_weights_before_the_batch_are_those_of_a_run_that_ends_there(tmp_path: Path) -> None:
    x = X.copy()
    x[5 * 16 + 3, 4] = np.nan
    settings_ = config({"epochs": 1}, data={"shuffle": False}, runtime={"compile": "xla"})
    _, folder = failed_run(tmp_path / "a", settings_, stream(x))
    kept = incidents.load(folder.nonfinite)
    assert kept is not None
    short = train(
        config({"max_steps": 5}, data={"shuffle": False}, runtime={"compile": "xla"}), tmp_path / "b", data=stream(X)
    )
    end = checkpoints.load(checkpoints.newest(short.folder / "checkpoints")[0])
    for name, array in kept.arrays.items():
        if not name.startswith("metrics"):
            np.testing.assert_array_equal(array, end.arrays[name], name)


@pytest.fixture(scope="module")
def too_high(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunError, RunFolder]:
    """A run whose rate is far too high, to look at."""
    rate = {"optimizer": {"name": "sgd", "learning_rate": 1e15}}
    return failed_run(tmp_path_factory.mktemp("too-high"), config(rate))


def test_a_rate_that_is_far_too_high_names_a_layer_and_leaves_no_damaged_checkpoint(
    too_high: tuple[RunError, RunFolder],
) -> None:
    error, folder = too_high
    (problem,) = error.problems
    assert "layer" in problem.message
    assert problem.key == ("training", "optimizer", "learning_rate")
    for path in checkpoints.newest(folder.checkpoints):
        assert all(np.isfinite(a).all() for a in checkpoints.load(path).arrays.values() if a.dtype.kind == "f")
    assert not folder.model.exists()
    assert folder.read_state()["code"] == "loss-not-finite"


def test_a_later_epoch_is_traced_from_its_checkpoint(tmp_path: Path, one_step_chunks: None) -> None:
    settings_ = config({"optimizer": {"name": "sgd", "learning_rate": 0.1}, "epochs": 2})
    with pytest.raises(Interrupted):
        train(settings_, tmp_path, data=DATA, listener=InterruptAt(13))
    folder = (tmp_path / "small" / "latest").resolve()
    spoil(folder)
    with pytest.raises(RunError, match="epoch 2, batch 5 of 10"):
        resume(folder, data=DATA)


def spoil(folder: Path) -> None:
    """Make the newest checkpoint's weights so large that the next forward pass overflows."""
    path = checkpoints.newest(folder / "checkpoints")[0]
    state = checkpoints.load(path)
    state.arrays["weights/0"] = state.arrays["weights/0"] * np.float32(1e38)
    checkpoints.save(path, state)


def test_replay_shows_every_tensor_and_the_first_bad_operation(too_high: tuple[RunError, RunFolder]) -> None:
    _, folder = too_high
    found = replay(load_folder(folder.path), folder, DATA)
    bad = [row.tensor for row in found.rows if row.bad]
    assert bad[0] == found.incident.tensor
    names = [row.tensor for row in found.rows]
    assert names[:5] == [
        "input x",
        "target y",
        "input x after preprocessing",
        "outputs of layer dense_1",
        "outputs of layer dense_2",
    ]
    assert names[-1] == "gradient of layer dense_1"
    assert found.operation


def test_a_run_with_a_schedule_is_replayed_too(tmp_path: Path) -> None:
    settings_ = config({"optimizer": {"name": "sgd", "learning_rate": 1e15}, "schedule": "cosine"})
    _, folder = failed_run(tmp_path, settings_)
    found = replay(load_folder(folder.path), folder, DATA)
    assert next(row.tensor for row in found.rows if row.bad) == found.incident.tensor


def test_a_run_without_an_incident_has_nothing_to_replay(tmp_path: Path) -> None:
    run = train(config({"epochs": 1}), tmp_path, data=DATA)
    with pytest.raises(RunError) as failed:
        replay(load_folder(run.folder), RunFolder(run.folder), DATA)
    assert failed.value.problems[0].code == "nothing-to-replay"


ROLLBACK = {"action": "rollback", "learning_rate_factor": 1e-16, "attempts": 2}
TOO_HIGH = {"optimizer": {"name": "sgd", "learning_rate": 1e15}, "on_nonfinite": ROLLBACK}


class Notes(Listener):
    def __init__(self) -> None:
        self.kinds: list[str] = []

    def noted(self, kind: str, text: str) -> None:
        self.kinds.append(kind)


@pytest.fixture(scope="module")
def rolled_back(tmp_path_factory: pytest.TempPathFactory) -> tuple[dlkit.Run, Notes]:
    """A run that went back once, and what it reported."""
    notes = Notes()
    return train(config(TOO_HIGH), tmp_path_factory.mktemp("rolled-back"), data=DATA, listener=notes), notes


def test_a_rollback_goes_on_with_a_lower_rate_and_is_recorded(rolled_back: tuple[dlkit.Run, Notes]) -> None:
    run, notes = rolled_back
    assert notes.kinds.count("rollback") == 1
    assert run.state == "finished"
    assert run.history["learning_rate"] == pytest.approx([0.1] * 3)
    assert np.isfinite(run.history["loss"]).all()
    events = RunFolder(run.folder).read_events()
    assert [e["kind"] for e in events if e["kind"] in ("not-finite", "rollback")] == ["not-finite", "rollback"]


def test_a_rolled_back_run_is_that_of_the_lower_rate_and_resumes_to_the_same_bits(
    rolled_back: tuple[dlkit.Run, Notes], tmp_path: Path, one_step_chunks: None
) -> None:
    whole, _ = rolled_back
    with pytest.raises(Interrupted):
        train(config(TOO_HIGH), tmp_path / "cut", data=DATA, listener=InterruptAt(17))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    resume(folder, data=DATA)
    assert state_digest(folder) == state_digest(whole.folder)
    lower = train(config({"optimizer": {"name": "sgd", "learning_rate": 0.1}}), tmp_path / "lower", data=DATA)
    assert lower.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-5)


def test_rollbacks_that_do_not_help_end_after_so_many_attempts(tmp_path: Path) -> None:
    notes = Notes()
    policy = {**ROLLBACK, "learning_rate_factor": 0.9}
    with pytest.raises(RunError):
        train(config({**TOO_HIGH, "on_nonfinite": policy}), tmp_path, data=DATA, listener=notes)
    assert notes.kinds.count("rollback") == 2


def test_a_rollback_may_clip_instead(tmp_path: Path) -> None:
    policy = {"action": "rollback", "learning_rate_factor": 1e-14, "global_clipnorm": 0.01}
    run = train(config({**TOO_HIGH, "on_nonfinite": policy}), tmp_path, data=DATA)
    assert np.isfinite(run.history["loss"]).all()


def test_bad_data_are_not_rolled_back_from(tmp_path: Path) -> None:
    x = X.copy()
    x[7, 0] = np.inf
    notes = Notes()
    with pytest.raises(RunError, match="input x"):
        train(config({"on_nonfinite": "rollback"}, image={}), tmp_path, data=stream(x), listener=notes)
    assert "rollback" not in notes.kinds


def test_what_is_kept_is_whole_json_and_arrays(too_high: tuple[RunError, RunFolder]) -> None:
    _, folder = too_high
    about = json.loads((folder.nonfinite / "incident.json").read_text())
    assert {"epoch", "step", "tensor", "layer", "bad", "values", "examples", "rows", "in_data", "too_large"} == set(
        about
    )
