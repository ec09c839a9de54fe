"""What a run writes of itself is what happened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf

from tests.training.helpers import MLP, settings, train


def curves(folder: Path) -> dict[str, list[float]]:
    """The values in a TensorBoard folder by name, in the order of their steps."""
    found: dict[str, list[float]] = {}
    for path in folder.glob("*tfevents*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    return found


def test_curves_log_and_events_tell_the_history(tmp_path: Path) -> None:
    done = train(settings(MLP), tmp_path)
    history = done.history
    train_curves, validation_curves = (curves(done.folder / "tensorboard" / s) for s in ("train", "validation"))
    assert train_curves["epoch_loss"] == pytest.approx(history["loss"], rel=1e-6)
    assert train_curves["epoch_learning_rate"] == pytest.approx(history["learning_rate"], rel=1e-6)
    assert validation_curves["epoch_accuracy"] == pytest.approx(history["val_accuracy"], rel=1e-6)
    log = (done.folder / "train.log").read_text()
    assert all(f"epoch {n}  loss {history['loss'][n - 1]:.6g}" in log for n in (1, 2, 3))
    events = [json.loads(line) for line in (done.folder / "events.jsonl").read_text().splitlines()]
    assert [e["epoch"] for e in events if e["kind"] == "epoch"] == [1, 2, 3]
    assert events[-1]["kind"] == "finished"
    assert events[-1]["test"] == pytest.approx(done.test)
