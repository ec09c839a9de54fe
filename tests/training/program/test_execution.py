"""XLA and micro-batches follow fixed rules, change only last bits, and stay with a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlkit.runs import RunFolder
from dlkit.training import run
from dlkit.training.interrupts import Interrupted
from dlkit.training.listeners import Listener
from dlkit.training.program import execution as choices
from dlkit.training.program.execution import choose_micro_batches
from tests.training.helpers import (
    CNN,
    EVEN,
    MLP,
    RNN,
    SGD,
    SMALL,
    UNEVEN,
    InterruptAt,
    load,
    settings,
    state_digest,
    train,
)


def stack(*layers: Any) -> dict[str, Any]:
    return {"builder": "sequential", "layers": list(layers)}


def joined(*layers: Any) -> dict[str, Any]:
    return {"builder": "join", "inputs": {"image": stack(*layers)}}


NORMALISED = {"builder": "cnn", "blocks": [{"filters": 4, "batch_normalization": True}]}


@pytest.mark.parametrize(
    ("model", "batch_size", "runtime", "number"),
    [
        (CNN, 64, {}, 4),
        (CNN, 32, {}, 2),
        (CNN, 8, {}, 1),
        (CNN, 64, {"micro_batches": 3}, 3),
        (CNN, 64, {"compile": "xla"}, 1),
        (NORMALISED, 64, {}, 1),
        (RNN, 32, {}, 1),
        (RNN, 256, {}, 4),
        ({**MLP, "dropout": 0.0}, 256, {}, 1),
        (MLP, 256, {}, 2),
        (MLP, 255, {}, 1),
        ({**MLP, "normalization": "batch"}, 256, {}, 1),
        (MLP, 256, {"devices": "cpu:2"}, 1),
        (stack({"conv2d": {"filters": 4, "kernel_size": 3}}, "flatten"), 64, {}, 4),
        (stack({"conv2d": {"filters": 4, "kernel_size": 3}}, "batch_normalization", "flatten"), 64, {}, 1),
        (joined({"conv2d": {"filters": 4, "kernel_size": 3}}, "flatten"), 64, {}, 4),
        (joined({"conv2d": {"filters": 4, "kernel_size": 3}}, "batch_normalization", "flatten"), 64, {}, 1),
        (stack("flatten", {"dense": 8}), 256, {}, 1),
        (stack("flatten", {"dense": 8}, {"dropout": 0.2}), 256, {}, 2),
        (MLP, 2, {"micro_batches": 3}, 2),
    ],
)
def test_micro_batches_follow_from_model_batch_and_cores(
    model: dict[str, Any], batch_size: int, runtime: dict[str, Any], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "cores", lambda: 4)
    config = settings(model, data={"batch_size": batch_size}, runtime={"compile": "auto", **runtime})
    assert choose_micro_batches(load(config).config) == number


@pytest.mark.parametrize(
    ("model", "compiled"),
    [(SMALL, "xla"), pytest.param(RNN, "xla", marks=pytest.mark.slow), (CNN, "graph")],
    ids=["mlp", "rnn", "cnn"],
)
def test_xla_compiles_what_has_no_convolution(model: dict[str, Any], compiled: str, tmp_path: Path) -> None:
    done = train(settings(model, {"epochs": 1, **SGD}, runtime={"compile": "auto"}), tmp_path, data=EVEN)
    assert json.loads((done.folder / "environment.json").read_text())["chosen"]["compile"] == compiled


@pytest.mark.parametrize(
    "model", [SMALL, *(pytest.param(model, marks=pytest.mark.slow) for model in (CNN, RNN))], ids=["mlp", "cnn", "rnn"]
)
def test_micro_batches_give_the_answer_of_one(model: dict[str, Any], tmp_path: Path) -> None:
    plain = {**model, "dropout": 0.0}
    data = {name: UNEVEN[name] for name in ("train", "validation")}
    one, three = (
        train(settings(plain, SGD, runtime={"micro_batches": number}), tmp_path / str(number), data=data)
        for number in (1, 3)
    )
    for column in ("loss", "accuracy", "val_loss"):
        np.testing.assert_allclose(one.history[column], three.history[column], rtol=1e-4)
    for a, b in zip(one.model.weights, three.model.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-4)


def test_a_run_goes_on_with_the_micro_batches_it_began_with_on_a_machine_with_other_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_step_chunks: None
) -> None:
    config = settings(CNN, {"epochs": 2, **SGD}, data={"batch_size": 28}, runtime={"compile": "auto"})
    monkeypatch.setattr(choices, "cores", lambda: 2)
    whole = train(config, tmp_path / "whole", data=EVEN)
    with pytest.raises(Interrupted):
        train(config, tmp_path / "cut", data=EVEN, listener=InterruptAt(6))
    monkeypatch.setattr(choices, "cores", lambda: 1)
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    run.resume(load(config), RunFolder(folder), Listener(), data=EVEN)
    assert state_digest(folder) == state_digest(whole.folder)
