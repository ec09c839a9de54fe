"""How a run goes on: from which checkpoints, with which settings, after what harm."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.runs import RunFolder
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.checkpoints import manager
from dlkit.training.listeners import Listener
from tests.training.helpers import (
    DATA,
    EVEN,
    SGD,
    SMALL,
    VALIDATED,
    finished,
    interrupted,
    resume,
    settings,
    state_digest,
    train,
)


class Cut(Exception):
    """Ends a run without a checkpoint, as a kill does."""


class CutAt(Listener):
    """Raises once a number of chunks have ended."""

    def __init__(self, chunk: int) -> None:
        self.left = chunk

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        self.left -= 1
        if not self.left:
            raise Cut


def with_checkpoints(**more: Any) -> dict[str, Any]:
    """A small run of three epochs of seven steps."""
    return settings(SMALL, {"schedule": "cosine", "checkpoints": more, **SGD})


def test_checkpoints_in_mid_epoch_are_where_they_were_asked_for_and_change_no_bit(tmp_path: Path) -> None:
    plain = finished(with_checkpoints(), tmp_path / "plain", data=EVEN)
    often = train(with_checkpoints(every_steps=3, keep=99), tmp_path / "often", data=EVEN)
    steps = [int(path.name.removeprefix("step-")) for path in checkpoints.newest(often.folder / "checkpoints")]
    assert steps == [21, 18, 15, 14, 12, 9, 7, 6, 3, 0]
    assert state_digest(often.folder) == state_digest(plain.folder)


def test_a_cut_run_goes_on_from_its_checkpoint_in_mid_epoch(tmp_path: Path, one_step_chunks: None) -> None:
    whole = finished(with_checkpoints(), tmp_path / "whole", data=EVEN)
    with pytest.raises(Cut):
        train(with_checkpoints(every_steps=3), tmp_path / "cut", data=EVEN, listener=CutAt(12))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    assert [p.name for p in checkpoints.newest(folder / "checkpoints")] == ["step-0000000009", "step-0000000007"]
    resume(folder, data=EVEN)
    assert state_digest(folder) == state_digest(whole.folder)
    assert [e["epoch"] for e in RunFolder(folder).read_events() if e["kind"] == "epoch"] == [1, 2, 3]


class Ending(Listener):
    """Keeps the epochs that have ended, and lets others wait for one."""

    def __init__(self) -> None:
        self.ended, self.second = 0, threading.Event()

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        self.ended += 1
        if self.ended == 2:
            self.second.set()


@pytest.mark.parametrize("compiled", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
def test_training_goes_on_while_a_checkpoint_is_written(
    compiled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs, save, waited = Ending(), checkpoints.save, []
    config = settings(SMALL, {"checkpoints": {"keep": 99, "keep_best": 3}, **SGD}, runtime={"compile": compiled})

    def slow(folder: Path, checkpoint: checkpoints.Checkpoint) -> None:
        if checkpoint.progress.epoch == 1:
            waited.append(epochs.second.wait())
        save(folder, checkpoint)

    monkeypatch.setattr(checkpoints, "save", slow)
    done = train(config, tmp_path / "slow", data=VALIDATED, listener=epochs)
    monkeypatch.undo()
    assert waited == [True, True]
    plain = train(config, tmp_path / "plain", data=VALIDATED)
    assert state_digest(done.folder) == state_digest(plain.folder)
    # What was held back until epoch 2 was over is still what it was at the end of epoch 1.
    for name in ("step-0000000007", "best-000001"):
        found, expected = (checkpoints.load(run.folder / "checkpoints" / name) for run in (done, plain))
        assert found.progress == expected.progress
        assert found.arrays.keys() == expected.arrays.keys()
        for key, array in expected.arrays.items():
            np.testing.assert_array_equal(found.arrays[key], array, err_msg=key)


def test_a_checkpoint_that_cannot_be_written_ends_the_run_before_the_epoch_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_step_chunks: None
) -> None:
    save, failed = checkpoints.save, threading.Event()

    def refused(folder: Path, checkpoint: checkpoints.Checkpoint) -> None:
        if checkpoint.progress.epoch == 1:
            failed.set()
            raise RunError(Problem("checkpoint-not-written", "the disk is full"))
        save(folder, checkpoint)

    class Waits(Ending):
        def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
            if epoch == 2 and step == 2:
                failed.wait()

    epochs = Waits()
    monkeypatch.setattr(checkpoints, "save", refused)
    with pytest.raises(RunError, match="the disk is full"):
        train(with_checkpoints(), tmp_path, data=EVEN, listener=epochs)
    folder = (tmp_path / "small" / "latest").resolve()
    assert epochs.ended == 1
    assert RunFolder(folder).read_state()["state"] == "failed"
    monkeypatch.undo()
    resume(folder, data=EVEN)
    assert RunFolder(folder).read_state()["state"] == "finished"


def test_minutes_pass_on_the_monotonic_clock(
    tmp_path: Path, one_step_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100000, 40))
    # There is no other clock to look at.
    watch = SimpleNamespace(monotonic=lambda: float(next(clock)), perf_counter=time.perf_counter)
    monkeypatch.setattr(manager, "time", watch)
    done = train(with_checkpoints(every_minutes=1.5, keep=99), tmp_path, data=EVEN)
    assert len(checkpoints.newest(done.folder / "checkpoints")) > 5


def test_the_best_epochs_are_kept_and_best_leads_to_the_best(tmp_path: Path) -> None:
    done = train(settings(SMALL, {"epochs": 5, "checkpoints": {"keep_best": 2}, **SGD}), tmp_path, data=VALIDATED)
    losses = done.history["val_loss"]
    ranked = sorted(range(1, 6), key=lambda epoch: losses[epoch - 1])[:2]
    folder = done.folder / "checkpoints"
    assert {p.name for p in folder.glob("best-*")} == {f"best-{epoch:06d}" for epoch in ranked}
    assert checkpoints.load(folder / "best").progress.epoch == ranked[0]


def test_a_run_that_was_killed_before_its_first_checkpoint_starts(tmp_path: Path, one_step_chunks: None) -> None:
    whole = finished(with_checkpoints(), tmp_path / "whole", data=EVEN)
    with pytest.raises(Cut):
        train(with_checkpoints(), tmp_path / "cut", data=EVEN, listener=CutAt(2))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    (folder / "environment.json").unlink()
    shutil.rmtree(folder / "checkpoints")
    resume(folder, data=EVEN)
    assert state_digest(folder) == state_digest(whole.folder)


def test_what_cut_off_writes_left_is_gone_after_the_start(tmp_path: Path, one_step_chunks: None) -> None:
    folder = interrupted(with_checkpoints(), 16, tmp_path, data=EVEN)
    (folder / "checkpoints" / ".step-0000000012.7.partial").mkdir()
    (folder / ".model.keras.7.partial.keras").write_bytes(b"half")
    (folder / ".state.json.7.partial").write_bytes(b"{")
    resume(folder, data=EVEN)
    assert not [p for p in folder.rglob(".*") if "partial" in p.name or p.name.endswith(".old")]


def test_a_history_shorter_than_the_checkpoint_is_reported(tmp_path: Path, one_step_chunks: None) -> None:
    folder = interrupted(with_checkpoints(), 16, tmp_path, data=EVEN)
    lines = (folder / "history.csv").read_text().splitlines(keepends=True)
    (folder / "history.csv").write_text("".join(lines[:-1]))
    with pytest.raises(RunError, match="has 1 epoch, the checkpoint was made after 2"):
        resume(folder, data=EVEN)


def test_half_a_row_of_a_full_disk_is_cut_off(tmp_path: Path, one_step_chunks: None) -> None:
    whole = finished(with_checkpoints(), tmp_path / "whole", data=EVEN)
    folder = interrupted(with_checkpoints(), 16, tmp_path / "cut", data=EVEN)
    for name in ("history.csv", "events.jsonl"):
        with (folder / name).open("a") as file:
            file.write('{"3,0.')
    resume(folder, data=EVEN)
    assert state_digest(folder) == state_digest(whole.folder)


def test_python_resumes_with_more_epochs_and_refuses_the_rest(tmp_path: Path) -> None:
    done = finished(settings(SMALL, {"epochs": 1}), tmp_path, data=EVEN)
    with pytest.raises(ConfigError, match=r"`training\.optimizer\.learning_rate` cannot change"):
        done.resume({"training.epochs": 2, "training.optimizer.learning_rate": 0.01}, verbose=False)
    done.resume({"training.epochs": 2}, verbose=False)
    assert done.history["epoch"] == [1, 2]
    done.resume({"training.epochs": 3, "training.optimizer.learning_rate": 0.01}, allow_change=True, verbose=False)
    assert done.history["learning_rate"] == pytest.approx([0.001, 0.001, 0.01])
    with pytest.raises(RunError, match="optimizer is adam, this run's is sgd"):
        done.resume({"training.epochs": 4, "training.optimizer": "sgd"}, allow_change=True, verbose=False)


class Notes(Listener):
    """Keeps what is said about initial weights."""

    def noted(self, kind: str, text: str) -> None:
        if kind == "initial-weights":
            self.text = text


@pytest.mark.parametrize(
    "source",
    [pytest.param("folder", marks=pytest.mark.slow), "name", pytest.param("model.keras", marks=pytest.mark.slow)],
)
def test_a_run_begins_with_the_best_weights_of_another(source: str, tmp_path: Path) -> None:
    first = finished(settings(SMALL, SGD), tmp_path)
    name = {"folder": str(first.folder), "name": "small", "model.keras": str(first.folder / "model.keras")}[source]
    notes = Notes()
    config = settings(SMALL, {"epochs": 1, "init_from": name, "optimizer": {"name": "sgd", "learning_rate": 1e-30}})
    second = train(config, tmp_path, listener=notes)
    assert second.test == first.test
    assert notes.text.startswith(f"weights of {name} in ")
    assert "fresh" not in notes.text


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_with_those_weights_again(tmp_path: Path) -> None:
    first = finished(settings(SMALL, SGD), tmp_path)
    training = {"epochs": 1, "init_from": "small", "optimizer": {"name": "sgd", "learning_rate": 1e-30}}
    second = train({**settings(SMALL, training), "name": "second"}, tmp_path)
    shutil.rmtree(second.folder / "checkpoints")
    resume(second.folder)
    kept = json.loads((second.folder / "test.json").read_text())
    assert {name: kept[name] for name in first.test} == pytest.approx(first.test)


def test_another_head_is_fresh_and_said(tmp_path: Path) -> None:
    first = finished(settings(SMALL, SGD), tmp_path)
    config = settings(SMALL, {"epochs": 1, "init_from": str(first.folder), **SGD})
    config["data"]["targets"] = {"odd": {"kind": "binary"}}
    notes = Notes()
    data = {name: (x, (y % 2).astype(np.int32)) for name, (x, y) in DATA.items()}
    train(config, tmp_path, data=data, listener=notes)
    assert notes.text.endswith("; fresh ones in odd")


def test_a_run_that_nothing_can_be_taken_from_is_refused_and_leaves_no_folder(tmp_path: Path) -> None:
    first = finished(settings(SMALL, SGD), tmp_path / "first")
    for init_from, model, code in (
        (str(first.folder), {"builder": "mlp", "dense": [5]}, "no-weights-taken"),
        ("nowhere", SMALL, "no-such-run"),
    ):
        with pytest.raises((RunError, ConfigError)) as refused:
            train(settings(model, {"init_from": init_from}), tmp_path / "second")
        assert [problem.code for problem in refused.value.problems] == [code]
        assert refused.value.problems[0].key == ("training", "init_from")
    assert not (tmp_path / "second").exists()


@pytest.mark.slow
@pytest.mark.parametrize("left", range(20, 820, 40))
def test_a_disk_that_fills_up_ends_the_run_with_a_message_and_a_whole_checkpoint(left: int, small_disk: Path) -> None:
    whole = finished(with_checkpoints(every_steps=3), small_disk.parent / "whole", data=EVEN).folder
    needed = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file() and not path.is_symlink())
    free = shutil.disk_usage(small_disk).free
    (small_disk / "other").write_bytes(bytes(free - left * 1024))
    try:
        train(with_checkpoints(every_steps=3), small_disk / "runs", data=EVEN)
    except RunError as error:
        assert error.problems[0].code in ("checkpoint-not-written", "file-not-written", "run-folder-not-made")
        assert "could not be written" in str(error)
    else:
        assert left * 1024 > needed, "there was no room"
    folder = small_disk / "runs" / "small" / "latest"
    found = checkpoints.newest(folder / "checkpoints")
    assert found or left * 1024 < needed
    for path in found:
        checkpoints.load(path)
    (small_disk / "other").unlink()
    resume(folder.resolve(), data=EVEN)
    assert RunFolder(folder).read_state()["state"] == "finished"


def test_a_disk_that_is_full_when_the_model_is_saved_is_reported(small_disk: Path) -> None:
    done = train(with_checkpoints(), small_disk / "runs", data=EVEN)
    (done.folder / "model.keras").unlink()
    (small_disk / "other").write_bytes(bytes(shutil.disk_usage(small_disk).free - 24 * 1024))
    with pytest.raises(RunError, match=r"model\.keras could not be written: No space left") as failed:
        resume(done.folder, data=EVEN)
    assert failed.value.problems[0].code == "file-not-written"
    assert not (done.folder / "model.keras").exists()
