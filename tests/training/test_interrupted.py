"""Runs that are interrupted, and go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from dlkit.config.problems import RunError
from dlkit.runs import RunFolder
from dlkit.training import outcome, run
from dlkit.training.interrupts import Interrupted
from tests.training.helpers import (
    CNN,
    DATA,
    EVEN,
    MLP,
    RNN,
    SGD,
    SMALL,
    UNEVEN,
    XLA,
    InterruptAt,
    Notes,
    finished,
    interrupted,
    load,
    resume,
    settings,
    state_digest,
    train,
)

# It has a state and compiles in half of the time of Adam.
MOMENTUM = {"optimizer": {"name": "sgd", "momentum": 0.9}}


@pytest.mark.parametrize(
    ("model", "more", "step", "data"),
    [
        pytest.param(MLP, {}, 1, UNEVEN, marks=pytest.mark.slow),
        pytest.param(MLP, XLA, 8, UNEVEN, marks=pytest.mark.slow),
        (MLP, {}, 14, UNEVEN),
        pytest.param(CNN, {}, 8, UNEVEN, marks=pytest.mark.slow),
        pytest.param(CNN, {}, 18, UNEVEN, marks=pytest.mark.slow),
        pytest.param(RNN, {"training": MOMENTUM}, 3, DATA, marks=pytest.mark.slow),
        pytest.param(RNN, XLA, 18, UNEVEN, marks=pytest.mark.slow),
    ],
    ids=["mlp-1", "mlp-xla-8", "mlp-14", "cnn-8", "cnn-18", "rnn-3", "rnn-xla-18"],
)
def test_an_interrupted_run_resumes_to_the_same_bits(
    model: dict[str, Any], more: dict[str, Any], step: int, data: Any, tmp_path: Path, one_step_chunks: None
) -> None:
    config = settings(model, {"schedule": "cosine", **more.get("training", {})}, runtime=more.get("runtime", {}))
    whole = finished(config, tmp_path / "whole", data=data)
    with pytest.raises(Interrupted) as stopped:
        train(config, tmp_path / "cut", data=data, listener=InterruptAt(step))
    assert stopped.value.exit_status == 130
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    assert RunFolder(folder).read_state()["state"] == "interrupted"
    assert not (folder / "model.keras").exists()
    resume(folder, data=data)
    assert state_digest(folder) == state_digest(whole.folder)
    assert (folder / "test.json").read_text() == (whole.folder / "test.json").read_text()


def test_termination_is_heard_and_has_its_own_exit_status(tmp_path: Path, one_step_chunks: None) -> None:
    with pytest.raises(Interrupted) as stopped:
        train(settings(SMALL, SGD), tmp_path, data=EVEN, listener=InterruptAt(3, signal.SIGTERM))
    assert stopped.value.exit_status == 143


def test_resume_passes_over_a_damaged_checkpoint(tmp_path: Path, one_step_chunks: None) -> None:
    config = settings(SMALL, SGD)
    whole = finished(config, tmp_path / "whole", data=EVEN)
    folder = interrupted(config, 17, tmp_path / "cut", data=EVEN)
    newest = sorted((folder / "checkpoints").glob("step-*"))[-1] / "arrays.npz"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    notes = Notes()
    run.resume(load(config), RunFolder(folder), notes, data=EVEN)
    assert notes.kinds[0] == "checkpoint-skipped"
    assert state_digest(folder) == state_digest(whole.folder)


def test_resume_with_other_data_is_refused(tmp_path: Path, one_step_chunks: None) -> None:
    config = settings(SMALL, SGD)
    folder = interrupted(config, 17, tmp_path, data=EVEN)
    x, y = EVEN["train"]
    with pytest.raises(RunError, match="training data"):
        resume(folder, data={"train": (x[::-1], y[::-1])})


def test_a_stream_trains_and_resumes_to_the_same_bits(tmp_path: Path, one_step_chunks: None) -> None:
    def data() -> dict[str, Any]:
        return {name: tf.data.Dataset.from_tensor_slices(UNEVEN[name]) for name in ("train", "test")}

    config = settings(SMALL, {"epochs": 2, **SGD}, image={"shape": [28, 28, 1]})
    whole = train(config, tmp_path / "whole", data=data())
    with pytest.raises(Interrupted):
        train(config, tmp_path / "cut", data=data(), listener=InterruptAt(10))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    resume(folder, data=data())
    assert state_digest(folder) == state_digest(whole.folder)
    loss, _ = whole.model.evaluate(*UNEVEN["test"], verbose=0)
    assert loss == pytest.approx(whole.test["loss"], rel=1e-5)


def test_a_second_process_on_the_same_run_leaves_and_names_the_first(tmp_path: Path) -> None:
    done = finished(settings(SMALL, SGD), tmp_path, data=EVEN)
    folder = RunFolder(done.folder)
    with folder.locked(), pytest.raises(RunError) as refused, folder.locked():
        pass
    assert str(os.getpid()) in refused.value.problems[0].message


def test_an_interrupt_while_the_run_is_saved_leaves_it_interrupted_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*args: Any) -> None:
        raise KeyboardInterrupt

    config = settings(SMALL, SGD)
    with monkeypatch.context() as patched:
        patched.setattr(outcome, "save_model", pressed)
        with pytest.raises(Interrupted) as stopped:
            train(config, tmp_path, data=EVEN)
    assert stopped.value.exit_status == 130
    folder = (tmp_path / "small" / "latest").resolve()
    assert RunFolder(folder).read_state()["state"] == "interrupted"
    resume(folder, data=EVEN)
    assert RunFolder(folder).read_state()["state"] == "finished"
    assert (folder / "model.keras").is_file()
