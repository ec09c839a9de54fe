"""What plain Keras has no words for is refused with its setting, rather than left out of a script."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import ConfigError
from dlkit.export.script.beyond import refuse_beyond_keras
from dlkit.schema.loader import from_mapping
from dlkit.training.prepare import prepare

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
LABELS = {"number": np.arange(24, dtype="float32"), "category": np.arange(24) % 3}


def refuse(training: dict[str, Any], target: dict[str, Any]) -> None:
    config = {
        "name": "t",
        "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target}, "batch_size": 8},
        "model": {"builder": "mlp", "dense": [4]},
        "training": {"epochs": 4, **training},
    }
    labels = LABELS[target["kind"]]
    refuse_beyond_keras(prepare(from_mapping(config, needs_source=False), {"train": (X, labels)}))


@pytest.mark.parametrize(
    ("training", "target", "key"),
    [
        ({"swa": {}}, {"kind": "number"}, ("training", "swa")),
        ({"layer_rates": {"dense_*": 0.5}}, {"kind": "number"}, ("training", "layer_rates")),
        (
            {"freeze": ["dense_*"], "unfreeze_after": 2},
            {"kind": "number"},
            ("training", "unfreeze_after"),
        ),
        ({}, {"kind": "number", "quantiles": [0.1, 0.9]}, ("data", "targets", "y", "quantiles")),
        ({}, {"kind": "number", "positive": True}, ("data", "targets", "y")),
        ({}, {"kind": "category", "metrics": ["f1_score"]}, ("data", "targets", "y", "metrics", 0)),
    ],
)
def test_a_setting_that_a_script_cannot_follow_is_refused(
    training: dict[str, Any], target: dict[str, Any], key: tuple[str | int, ...]
) -> None:
    with pytest.raises(ConfigError) as refused:
        refuse(training, target)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("not-exported", key) and problem.help


def test_what_keras_can_do_is_not_refused() -> None:
    refuse({"label_smoothing": 0.1, "freeze": ["dense_*"]}, {"kind": "category"})
