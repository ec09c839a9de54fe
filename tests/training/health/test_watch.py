"""A run that is watched is the run that is not; one that goes on after an interruption is reported the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlkit.runs import RunFolder
from dlkit.training.health.snapshot import HealthSnapshot, LayerStats
from dlkit.training.interrupts import Interrupted
from tests.training.health.planted import Heard, at, mlp
from tests.training.helpers import EVEN, MLP, SGD, SMALL, XLA, InterruptAt, resume, settings, state_digest, train

NORMED = {"builder": "cnn", "blocks": [{"filters": 4, "pool_size": 4, "batch_normalization": True}], "dense": [8]}


@pytest.mark.parametrize(
    "model, more",
    [
        ({**SMALL, "normalization": "batch"}, {}),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((MLP, {}), (MLP, XLA), (NORMED, {}))),
    ],
    ids=["dropout and batch normalisation", "dropout", "dropout and xla", "batch normalisation"],
)
def test_a_run_that_is_watched_ends_with_the_same_bits(
    model: dict[str, Any], more: dict[str, Any], tmp_path: Path
) -> None:
    listener = Heard()
    watched = train(settings(model, {"health": 5, **SGD}, **more), tmp_path / "watched", data=EVEN, listener=listener)
    alone = train(settings(model, {"health": "off", **SGD}, **more), tmp_path / "alone", data=EVEN)
    assert [look.step for look in listener.looks] == [0, 5, 10, 15, 20]
    assert state_digest(watched.folder) == state_digest(alone.folder)


def expected(folder: Path) -> list[dict[str, Any]]:
    """The looks and findings among a run's events, without what depends on the clock."""
    events = [e for e in RunFolder(folder).read_events() if e["kind"] in ("health", "finding")]
    for event in events:
        del event["time"]
        if event["kind"] == "health":
            del event["look"]["seconds"], event["look"]["waiting"]
    return events


SICK = settings(
    mlp(32, activation="tanh"),
    {"epochs": 6, "health": 4, "optimizer": at("adam", 0.3), "schedule": {"name": "cosine", "final_factor": 0.5}},
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Heard]:
    """A run that was never interrupted: its folder, and what it reported."""
    listener = Heard()
    return train(SICK, tmp_path_factory.mktemp("whole"), data=EVEN, listener=listener).folder, listener


@pytest.fixture
def in_one_go(whole: tuple[Path, Heard]) -> Path:
    """The folder of it."""
    return whole[0]


@pytest.mark.usefixtures("one_step_chunks")
@pytest.mark.parametrize(
    "step", [pytest.param(3, marks=pytest.mark.slow), 22, pytest.param(38, marks=pytest.mark.slow)]
)
def test_a_run_that_goes_on_is_reported_what_one_in_one_go_is(step: int, in_one_go: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(SICK, tmp_path, data=EVEN, listener=InterruptAt(step))
    (cut,) = (path for path in (tmp_path / "small").iterdir() if not path.is_symlink())
    resume(cut, data=EVEN)
    events = expected(in_one_go)
    assert [e["look"]["step"] for e in events if e["kind"] == "health"] == list(range(0, 42, 4))
    assert [e["code"] for e in events if e["kind"] == "finding"] == ["rate-too-high"]
    assert expected(cut) == events
    assert state_digest(cut) == state_digest(in_one_go)


def test_a_finding_stands_in_the_log_and_among_the_events(whole: tuple[Path, Heard]) -> None:
    folder, listener = whole
    (finding,) = listener.findings
    (event,) = (e for e in RunFolder(folder).read_events() if e["kind"] == "finding")
    assert (event["code"], event["text"], event["help"]) == (finding.code, finding.message, finding.help)
    assert f"finding {finding.code}: {finding.message}; {finding.help}" in (folder / "train.log").read_text()


def test_a_look_is_read_back_as_it_was_written() -> None:
    layers = {"dense_1": LayerStats(1.5, 2.5, 0.001, 0.25, 0.5), "label": LayerStats(gradient=1.0)}
    look = HealthSnapshot(
        7, 2, 0.1, 0.2, 0.001, 3.0, 2.3, layers, {"label": (0.5, 0.25)}, 2.0, 0.125, (123.4567890123, 96.0)
    )
    assert HealthSnapshot.from_json(look.to_json()) == look
    assert look.to_json()["counted"] == [123.4567890123, 96.0]
    assert "dead" not in look.to_json()["layers"]["label"]


def test_a_forecast_that_is_no_layer_s_output_is_looked_at(tmp_path: Path) -> None:
    series = np.random.default_rng(0).normal(size=(32, 9, 1)).astype("float32")
    config = {
        "name": "continued",
        "data": {
            "inputs": {"past": {"kind": "sequence"}},
            "targets": {"future": {"kind": "forecast"}},
            "batch_size": 16,
        },
        "model": {"builder": "linear"},
        "training": {"epochs": 1, "health": 1, "first_batch": "off", **SGD},
        "runtime": {"compile": "graph"},
    }
    folder = train(config, tmp_path, data={"train": (series[:, :6], series[:, 6:])}).folder
    looks = [e["look"] for e in RunFolder(folder).read_events() if e["kind"] == "health"]
    assert [look["step"] for look in looks] == [0, 1]
    assert all(layer["gradient"] > 0 for look in looks for layer in look["layers"].values())
