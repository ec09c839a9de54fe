"""Settings of a recipe that contradict each other, or the data, are reported at their place."""

from __future__ import annotations

from typing import Any

import pytest

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.loader import from_mapping
from tests.training.helpers import MLP, settings


def problems(training: dict[str, Any], target: str = "category") -> list[Problem]:
    """What is said of these settings of training."""
    config = settings(MLP, training)
    config["data"]["targets"] = {"label": {"kind": target, **({"classes": 10} if target == "category" else {})}}
    try:
        from_mapping(config, needs_source=False)
    except ConfigError as error:
        return list(error.problems)
    return []


EMA = {"name": "adam", "ema_momentum": 0.9}
PLATEAU = ["reduce_lr_on_plateau"]


@pytest.mark.parametrize(
    ("training", "target", "key", "said"),
    [
        ({"label_smoothing": 0.1}, "number", "label_smoothing", "only labels of classes"),
        ({"label_smoothing": 0.1, "loss": "hinge"}, "binary", "label_smoothing", "`hinge`"),
        ({"optimizer": EMA}, "category", "optimizer.ema_momentum", "not kept"),
        ({"optimizer": {"name": "adam", "use_ema": True}, "swa": {}}, "category", "swa", "`use_ema`"),
        ({"on_nonfinite": {"action": "stop", "attempts": 5}}, "category", "on_nonfinite.attempts", "`stop`"),
        ({"limit_batches": 3, "fast_dev_run": True}, "category", "fast_dev_run", "`limit_batches`"),
        ({"limit_batches": 3, "overfit_batches": 2}, "category", "overfit_batches", "`limit_batches`"),
        ({"callbacks": PLATEAU, "schedule": "cosine"}, "category", "callbacks.0", "`training.schedule`"),
    ],
)
def test_a_contradiction_is_reported_at_the_setting_that_is_wrong(
    training: dict[str, Any], target: str, key: str, said: str
) -> None:
    (problem,) = problems(training, target)
    assert problem.code == "contradiction"
    assert ".".join(map(str, problem.key)) == f"training.{key}"
    assert said in problem.message
    assert problem.label


@pytest.mark.parametrize(
    ("training", "target"),
    [
        ({"label_smoothing": 0.1}, "category"),
        ({"label_smoothing": 0.1, "loss": "binary_focal_crossentropy"}, "binary"),
        ({"optimizer": {**EMA, "use_ema": True}}, "category"),
        ({"on_nonfinite": {"action": "rollback", "attempts": 5}}, "category"),
        ({"callbacks": PLATEAU}, "category"),
        ({"limit_batches": {"train": 3}}, "category"),
        ({"max_time": "1h30m"}, "category"),
    ],
)
def test_what_fits_is_not_complained_about(training: dict[str, Any], target: str) -> None:
    assert problems(training, target) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [("early_stopping", "training.early_stopping"), ("ModelCheckpoint", "training.checkpoints"),
     ("TerminateOnNaN", "training.on_nonfinite")],
)  # fmt: skip
def test_a_keras_callback_that_the_loop_does_without_leads_to_the_setting(name: str, place: str) -> None:
    (problem,) = problems({"callbacks": [name]})
    assert problem.code == "unknown-choice"
    assert problem.label == f"use `{place}` instead"


@pytest.mark.parametrize("text", ["ninety", "90", "", "1m30h", "5 m"])
def test_a_time_that_cannot_be_read_is_reported_with_an_example(text: str) -> None:
    (problem,) = problems({"max_time": text})
    assert problem.label == "as in `90m` or `1h30m`"
