"""What must not change a bit of a run, and that its steps are those of Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.training import chunk
from tests.training.helpers import CNN, DATA, MLP, RNN, XLA, load, settings, state_digest, train


@pytest.mark.parametrize(("model", "more"), [(MLP, XLA), (CNN, {}), (RNN, {})], ids=["mlp-xla", "cnn", "rnn"])
def test_both_feeders_and_every_chunk_length_give_the_same_bits(
    model: dict[str, Any], more: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = set()
    for number, (feed, first) in enumerate([("device", 16), ("device", 1), ("pipeline", 16), ("pipeline", 3)]):
        monkeypatch.setattr(chunk, "FIRST_CHUNK", first)
        if first < 16:
            monkeypatch.setattr(chunk, "CHUNK_SECONDS", 0.0)
        done = train(settings(model, data={"feed": feed}, **more), tmp_path / str(number))
        digests.add(state_digest(done.folder))
    assert len(digests) == 1


def test_blocks_smaller_than_an_epoch_give_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(settings(MLP, data={"feed": "pipeline"}), tmp_path / "whole")
    monkeypatch.setattr("dlkit.data.feeding.BLOCK_BYTES", 2 * 16 * 28 * 28)
    blocks = train(settings(MLP, data={"feed": "pipeline"}), tmp_path / "blocks")
    assert state_digest(blocks.folder) == state_digest(whole.folder)


def test_the_same_configuration_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    first, again = train(settings(CNN), tmp_path / "1"), train(settings(CNN), tmp_path / "2")
    other = train(settings(CNN, seed=7), tmp_path / "3")
    assert state_digest(first.folder) == state_digest(again.folder)
    assert state_digest(first.folder) != state_digest(other.folder)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "adam"},
        {"name": "adam", "global_clipnorm": 0.1},
        {"name": "adamw", "weight_decay": 0.01},
        {"name": "sgd", "momentum": 0.9, "nesterov": True, "clipnorm": 0.1},
        {"name": "rmsprop", "clipvalue": 0.01},
        {"name": "adagrad"},
        {"name": "nadam"},
        {"name": "lion", "learning_rate": 0.0001},
    ],
    ids=lambda o: "-".join(str(v) for v in o.values()),
)
def test_a_step_is_what_keras_does_with_the_same_batch(optimizer: dict[str, Any], tmp_path: Path) -> None:
    """Keras's own train_on_batch over the same order of examples ends with the same weights."""
    config = settings({"builder": "mlp", "dense": [16]}, {"optimizer": optimizer, "epochs": 2})
    done = train(config, tmp_path, data={"train": DATA["train"]})
    keras.utils.set_random_seed(42)
    loaded = load(config)
    spec = dlkit.Spec(
        {"image": dlkit.Feature("image", "image", (28, 28, 1), "uint8")},
        {"label": dlkit.Feature("label", "category", (), "int32", tuple("0123456789"))},
    )
    model = dlkit.build_model(loaded.config, spec)
    x, y = DATA["train"]
    from dlkit.data.order import permutation

    for epoch in range(2):
        order = permutation(42, epoch, len(x))
        for start in range(0, len(x), 16):
            rows = order[start : start + 16]
            model.train_on_batch(x[rows], y[rows])
    for ours, theirs in zip(done.model.weights, model.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=2e-5)
