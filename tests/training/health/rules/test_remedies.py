"""What a finding proposes is a setting that the configuration takes, and does not have already."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dlkit.data.bound import Spec
from dlkit.models.build import build
from dlkit.schema import Config
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from dlkit.training.health.rules import HealthContext, remedies
from tests.training.health.planted import at, classify, mlp, regress
from tests.training.health.rules.made import SOUND, look

BLOCKS = [{"filters": 4}, {"filters": 4, "batch_normalization": True, "activation": "tanh"}]
CONFIGS: dict[str, dict[str, Any]] = {
    "mlp": classify(mlp(64, 64, 64, 64), {}),
    "mlp with everything": classify(
        mlp(64, dropout=0.6, normalization="batch", activation="tanh"),
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

DIGITS = Spec(
    {"image": Feature("image", "image", (28, 28, 1), "uint8")},
    {"label": Feature("label", "category", (), "int32", tuple("0123456789"))},
)


def case_of(name: str) -> HealthContext:
    """A configuration with its network, whose layers have been looked at once."""
    config = from_mapping(CONFIGS[name], needs_source=False).config
    if "x" in config.data.inputs:
        x, progress = Feature("x", "number", (10,), "float32"), Feature("progress", "number", (), "float32")
        return looked_at(config, Spec({"x": x}, {"progress": progress}))
    return looked_at(config, DIGITS)


def looked_at(config: Config, spec: Spec, functions: Any = None) -> HealthContext:
    built = build(config, spec, functions=functions)
    layers = {layer.name: SOUND for layer in built.network.layers if layer.weights}
    return HealthContext(config, (look(1, layers=layers),), (), 100, origins=built.origins)


def proposals(case: HealthContext) -> list[str]:
    """Every setting that any remedy proposes for a configuration."""
    config, layers = case.config, [*case.origins]
    texts = [
        remedies.rate(config, 0.1),
        remedies.rate(config, 10 / 3),
        remedies.clipping(config),
        *(remedies.another_activation(case, layer, "leaky_relu") for layer in layers),
        *(remedies.normalization(case, layer) for layer in layers),
        remedies.dropout(case),
        *(getattr(remedies, name)(config) for name in ("augmentation", "weight_decay", "early_stopping")),
        *(getattr(remedies, name)(config) for name in ("decay", "larger_model", "smaller_model", "fewer_layers")),
        *(getattr(remedies, name)(config) for name in ("scaling", "less_dropout", "less_decay")),
    ]
    return [setting for text in texts if text for setting in re.findall(r"`([a-z_.0-9]+: .+)`", text)]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_proposal_is_taken_and_changes_something(name: str) -> None:
    case = case_of(name)
    found = proposals(case)
    assert len(found) >= 5
    for setting in found:
        after = from_mapping(CONFIGS[name], [setting.replace(": ", "=", 1)], needs_source=False).config
        assert after != case.config, setting


def test_what_is_there_already_is_not_proposed() -> None:
    case = case_of("mlp with everything")
    config = case.config
    for remedy in (remedies.augmentation, remedies.weight_decay, remedies.early_stopping, remedies.decay):
        assert remedy(config) is None
    assert remedies.dropout(case) is None and remedies.normalization(case, "dense_1") is None
    assert remedies.less_dropout(config) == "`model.dropout: 0.1`"
    assert remedies.less_decay(config) == "`training.optimizer.weight_decay: 0.01`"
    assert remedies.clipping(config) == "`training.optimizer.clipnorm: 0.2`"
    assert remedies.scaling(config) == "`data.inputs.image.preprocess: [normalize]`"


def test_a_convolution_is_normalised_in_its_own_block() -> None:
    case = case_of("cnn")
    assert remedies.normalization(case, "conv_1") == "`model.blocks.0.batch_normalization: true`"
    assert remedies.normalization(case, "conv_2_activation") is None
    assert remedies.activation(case, "conv_2_activation") == (("model", "blocks", 1, "activation"), "tanh")
    assert remedies.activation(case, "label") is None
    assert remedies.dropout(case) == "`model.dropout: 0.3`"
    assert remedies.dropout(case_of("cnn without dense layers")) == "`model.blocks.1.dropout: 0.3`"


def test_the_activation_of_a_cell_is_no_setting_of_the_builder() -> None:
    case = case_of("rnn")
    assert remedies.activation(case, "lstm_1") is None
    assert remedies.dropout(case) == "`model.dropout: 0.5`"


def test_the_settings_of_a_plug_in_builder_are_proposed_too(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import keras\n\n\n"
        "def own(inputs, *, activation: str = 'sigmoid', dropout: float = 0.0, dense: list[int] = [4]):\n"
        "    x = keras.layers.Flatten()(inputs['image'])\n"
        "    for units in dense:\n        x = keras.layers.Dense(units, activation)(x)\n"
        "    return keras.layers.Dropout(dropout)(x)\n\n\nbuilders = {'own': own}\n"
    )
    loaded = from_mapping(
        classify({"builder": "own"}, {}) | {"plugins": [str(tmp_path / "own.py")]}, needs_source=False
    )
    case = looked_at(loaded.config, DIGITS, loaded.plugins.functions)
    layer = next(name for name in case.origins if name.startswith("dense"))
    assert case.origins[layer] == ("model",)
    assert case.origins["label"] == ("data", "targets", "label")
    assert remedies.another_activation(case, layer, "relu") == "`model.activation: relu`"
    assert remedies.normalization(case, layer) is None, "it has no such setting"
    assert remedies.dropout(case) == "`model.dropout: 0.3`"
    assert remedies.larger_model(case.config) == "`model.dense: [8]`"


@pytest.mark.parametrize("value, message", [(0.00034, "0.0003"), (0.0096, "0.01"), (1.0, "1"), (4e-8, "4e-08")])
def test_a_rate_is_reported_in_one_digit(value: float, message: str) -> None:
    assert remedies.one_digit(value) == message
