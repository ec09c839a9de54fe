"""What must not change a bit of a run, and that its steps are those of Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.training import chunk
from tests.training.helpers import CNN, EVEN, MLP, RNN, SGD, SMALL, UNEVEN, XLA, load, settings, state_digest, train

# A short last batch and a validation are there, for which feeders do something else.
NO_TEST = {name: UNEVEN[name] for name in ("train", "validation")}
WAYS = [("device", 16), ("device", 1), ("pipeline", 16), ("pipeline", 3)]


@pytest.mark.parametrize(
    ("model", "more", "training", "ways"),
    [
        (SMALL, XLA, SGD, WAYS[1:3]),
        (SMALL, {}, SGD, [WAYS[0], WAYS[3]]),
        *(pytest.param(*case, {}, WAYS, marks=pytest.mark.slow) for case in ((MLP, XLA), (CNN, {}), (RNN, {}))),
    ],
    ids=["mlp-xla-two", "mlp-two", "mlp-xla", "cnn", "rnn"],
)
def test_both_feeders_and_every_chunk_length_give_the_same_bits(
    model: dict[str, Any],
    more: dict[str, Any],
    training: dict[str, Any],
    ways: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = set()
    for number, (feed, first) in enumerate(ways):
        monkeypatch.setattr(chunk, "FIRST_CHUNK", first)
        if first < 16:
            monkeypatch.setattr(chunk, "CHUNK_SECONDS", 0.0)
        done = train(settings(model, training, data={"feed": feed}, **more), tmp_path / str(number), data=NO_TEST)
        digests.add(state_digest(done.folder))
    assert len(digests) == 1


def test_blocks_smaller_than_an_epoch_give_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(SMALL, SGD, data={"feed": "pipeline"})
    whole = train(config, tmp_path / "whole", data=NO_TEST)
    monkeypatch.setattr("dlkit.data.feeding.BLOCK_BYTES", 2 * 16 * 28 * 28)
    blocks = train(config, tmp_path / "blocks", data=NO_TEST)
    assert state_digest(blocks.folder) == state_digest(whole.folder)


def test_the_same_configuration_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    first, again = (train(settings(CNN, SGD), tmp_path / name, data=EVEN) for name in "12")
    other = train(settings(CNN, SGD, seed=7), tmp_path / "3", data=EVEN)
    assert state_digest(first.folder) == state_digest(again.folder)
    assert state_digest(first.folder) != state_digest(other.folder)


@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param({"name": "adam"}, marks=pytest.mark.slow),
        {"name": "adam", "global_clipnorm": 0.1},
        {"name": "adamw", "weight_decay": 0.01},
        {"name": "sgd", "momentum": 0.9, "nesterov": True, "clipnorm": 0.1},
        {"name": "rmsprop", "clipvalue": 0.01},
        pytest.param({"name": "adagrad"}, marks=pytest.mark.slow),
        pytest.param({"name": "nadam"}, marks=pytest.mark.slow),
        pytest.param({"name": "lion", "learning_rate": 0.0001}, marks=pytest.mark.slow),
        *(
            pytest.param({"name": name}, marks=pytest.mark.slow)
            for name in ("adadelta", "adafactor", "adamax", "ftrl", "lamb")
        ),
        {"name": "muon", "exclude_layers": ["label"]},
    ],
    ids=lambda o: "-".join(str(v) for v in o.values()),
)
def test_a_step_is_what_keras_does_with_the_same_batch(optimizer: dict[str, Any], tmp_path: Path) -> None:
    """Keras's own train_on_batch over the same order of examples ends with the same weights."""
    config = settings({"builder": "mlp", "dense": [16]}, {"optimizer": optimizer, "epochs": 2})
    done = train(config, tmp_path, data=EVEN)
    keras.utils.set_random_seed(42)
    loaded = load(config)
    spec = dlkit.Spec(
        {"image": dlkit.Feature("image", "image", (28, 28, 1), "uint8")},
        {"label": dlkit.Feature("label", "category", (), "int32", tuple("0123456789"))},
    )
    model = dlkit.build_model(loaded.config, spec)
    x, y = EVEN["train"]
    from dlkit.data.order import permutation

    for epoch in range(2):
        order = permutation(42, epoch, len(x))
        for start in range(0, len(x), 16):
            rows = order[start : start + 16]
            model.train_on_batch(x[rows], y[rows])
    for ours, theirs in zip(done.model.weights, model.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=2e-5)
