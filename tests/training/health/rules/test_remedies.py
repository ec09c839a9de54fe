"""What a finding proposes is a setting that the configuration takes, and does not have already."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dlkit.schema import Config
from dlkit.schema.loader import from_mapping
from dlkit.training.health.rules import remedies
from tests.training.health.planted import at, classify, mlp, regress

BLOCKS = [{"filters": 4}, {"filters": 4, "batch_normalization": True, "activation": "tanh"}]
CONFIGS: dict[str, dict[str, Any]] = {
    "mlp": classify(mlp(64, 64, 64, 64), {}),
    "mlp with everything": classify(
        mlp(64, dropout=0.6, batch_normalization=True, activation="tanh"),
        {
            "optimizer": at("adamw", 0.01, weight_decay=5.0, clipnorm=2.0),
            "schedule": "cosine",
            "early_stopping": {"patience": 2},
        },
        image={"preprocess": [], "augment": ["random_flip"]},
    ),
    "cnn": classify({"builder": "cnn", "blocks": BLOCKS, "dense": [8]}, {"optimizer": "sgd"}),
    "cnn without dense layers": classify({"builder": "cnn", "blocks": BLOCKS}, {"optimizer": at("rmsprop", 3e-6)}),
    "rnn": classify({"builder": "rnn", "dropout": 0.2}, {"optimizer": {"name": "lion", "global_clipnorm": 0.5}}),
    "regression": regress(mlp(32), {"schedule": {"name": "step", "epochs": [2]}}),
}


def proposals(config: Config) -> list[str]:
    """Every setting that any remedy proposes for a configuration."""
    layers = ("dense_1", "dense_1_activation", "conv_1", "conv_2", "conv_2_activation", "lstm_1", "label")
    told = [
        remedies.rate(config, 0.1),
        remedies.rate(config, 10 / 3),
        remedies.clipping(config),
        *(remedies.another_activation(config, layer, "leaky_relu") for layer in layers),
        *(remedies.normalization(config, layer) for layer in layers),
        *(getattr(remedies, name)(config) for name in ("dropout", "augmentation", "weight_decay", "early_stopping")),
        *(getattr(remedies, name)(config) for name in ("decay", "larger_model", "smaller_model", "fewer_layers")),
        *(getattr(remedies, name)(config) for name in ("scaling", "less_dropout", "less_decay")),
    ]
    return [setting for text in told if text for setting in re.findall(r"`([a-z_.0-9]+: .+)`", text)]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_proposal_is_taken_and_changes_something(name: str) -> None:
    before = from_mapping(CONFIGS[name], needs_source=False).config
    found = proposals(before)
    assert len(found) >= 5
    for setting in found:
        after = from_mapping(CONFIGS[name], [setting.replace(": ", "=", 1)], needs_source=False).config
        assert after != before, setting


def test_what_is_there_already_is_not_proposed() -> None:
    config = from_mapping(CONFIGS["mlp with everything"], needs_source=False).config
    for remedy in (remedies.dropout, remedies.augmentation, remedies.weight_decay, remedies.early_stopping):
        assert remedy(config) is None
    assert remedies.decay(config) is None and remedies.normalization(config, "dense_1") is None
    assert remedies.less_dropout(config) == "`model.dropout: 0.1`"
    assert remedies.less_decay(config) == "`training.optimizer.weight_decay: 0.01`"
    assert remedies.clipping(config) == "`training.optimizer.clipnorm: 0.2`"
    assert remedies.scaling(config) == "`data.inputs.image.preprocess: [normalize]`"


def test_a_convolution_is_normalised_in_its_own_block() -> None:
    config = from_mapping(CONFIGS["cnn"], needs_source=False).config
    assert remedies.normalization(config, "conv_1") == "`model.blocks.0.batch_normalization: true`"
    assert remedies.normalization(config, "conv_2_activation") is None
    assert remedies.activation(config, "conv_2_activation") == ("model.blocks.1.activation", "tanh")
    assert remedies.activation(config, "label") is None


@pytest.mark.parametrize("value, told", [(0.00034, "0.0003"), (0.0096, "0.01"), (1.0, "1"), (4e-8, "4e-08")])
def test_a_rate_is_told_in_one_digit(value: float, told: str) -> None:
    assert remedies.one_digit(value) == told
