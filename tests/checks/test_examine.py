"""The second phase of checking: mistakes of data, model and optimizer together, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlkit.checks.examine import examine
from dlkit.checks.report import report
from dlkit.config.problems import ConfigError
from tests.training.helpers import CNN, DATA, MLP, load, settings, train


def test_mistakes_of_data_and_model_are_reported_together() -> None:
    config = settings(
        {"builder": "cnn", "blocks": [{"filters": 4, "kernel_size": 40}]},
        image={"shape": [28, 28, 1]},
        data={"splits": {"train": "train[:900]", "test": "tset"}},
    )
    with pytest.raises(ConfigError) as message:
        examine(load(config), data=DATA)
    codes = {problem.code for problem in message.value.problems}
    assert "window-too-large" in codes
    assert {"slice-out-of-range", "unknown-split"} <= codes
    assert all(problem.location is not None for problem in message.value.problems)


def test_what_is_missing_without_data_is_named() -> None:
    with pytest.raises(ConfigError) as message:
        examine(load(settings(MLP)), use_data=False)
    (problem,) = message.value.problems
    assert (problem.code, problem.key) == ("spec-unknown", ("data", "inputs", "image"))
    assert "`shape:`" in problem.help


def test_a_stated_shape_is_enough_without_data() -> None:
    case = examine(load(settings(CNN, image={"shape": [28, 28, 1]})), use_data=False).case
    assert case.trial is None
    assert report(case)["layers"][0]["output"] == [28, 28, 1]


def test_the_report_has_what_was_built_and_why() -> None:
    about = report(examine(load(settings(CNN)), data=DATA).case)
    assert about["splits"]["train"] == {"examples": 112, "steps": 7}
    assert about["inputs"]["image"]["dtype"] == "uint8"
    assert about["inputs"]["image"]["prepared"]["max"] <= 1
    assert about["targets"]["label"]["classes"] == [str(i) for i in range(10)]
    assert about["training"]["targets"]["label"]["loss_why"] == "the default for a category"
    assert about["compile"]["chosen"] == "graph"
    assert sum(layer["parameters"] for layer in about["layers"]) == about["parameters"]["trainable"]
    memory = about["memory"]
    assert memory["parameters"] == memory["gradients"] == 4 * about["parameters"]["trainable"]
    assert memory["optimizer"] >= 2 * memory["parameters"]


def test_a_frozen_layer_that_is_not_there_is_a_mistake_as_in_training() -> None:
    with pytest.raises(ConfigError) as refused:
        examine(load(settings(MLP, {"freeze": ["conv_*"]})), data=DATA)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("no-such-layer", ("training", "freeze", 0))
    assert "dense_1, label" in problem.help


def test_frozen_layers_have_no_gradient_in_the_trial() -> None:
    case = examine(load(settings(MLP, {"freeze": ["dense_1"]})), data=DATA).case
    assert case.trial is not None
    assert set(case.trial.gradients) == {"label/kernel", "label/bias"}
    assert report(case)["parameters"]["trainable"] == 16 * 10 + 10


@pytest.mark.parametrize(
    ("short", "steps", "epochs"),
    [
        ({"fast_dev_run": True}, {"train": 2, "validation": 1, "test": 1}, 1),
        ({"limit_batches": {"train": 3}}, {"train": 3, "validation": 1, "test": 1}, 9),
        ({"overfit_batches": 2}, {"train": 2, "validation": 1, "test": 1}, 9),
    ],
    ids=["fast_dev_run", "limit_batches", "overfit_batches"],
)
def test_the_limits_of_a_short_run_are_those_of_the_check(
    short: dict[str, Any], steps: dict[str, int], epochs: int
) -> None:
    about = report(examine(load(settings(MLP, {"epochs": 9, **short})), data=DATA).case)
    assert {name: split["steps"] for name, split in about["splits"].items()} == steps
    assert about["training"]["epochs"] == epochs


def test_training_reports_the_mistakes_of_data_and_model_together_too(tmp_path: Path) -> None:
    config = settings(
        {"builder": "cnn", "blocks": [{"filters": 4, "kernel_size": 40}]},
        image={"shape": [28, 28, 1]},
        data={"splits": {"train": "train[:900]", "test": "tset"}},
    )
    with pytest.raises(ConfigError) as refused:
        train(config, tmp_path)
    codes = {problem.code for problem in refused.value.problems}
    assert {"window-too-large", "slice-out-of-range", "unknown-split"} <= codes
    assert not list(tmp_path.iterdir())
