"""Every finding has a real run with its fault, of which nothing else is said; of healthy runs nothing is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.config.codes import table
from dlkit.training import loop
from dlkit.training.health.rules import RULES, UNLESS
from tests.training.health.planted import PLANTS, Heard, HeldClock, at, classify, diabetes, digits, mlp, regress
from tests.training.helpers import images, train

CONFIGS = Path(__file__).parents[4] / "configs"
CNN = {"builder": "cnn", "blocks": [{"filters": 8, "pool_size": 2}, {"filters": 16, "pool_size": 2}], "dense": [32]}
CNN_NORM = {**CNN, "blocks": [{**block, "batch_normalization": True} for block in CNN["blocks"]]}


@pytest.fixture(autouse=True)
def clock_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run waits for its data because the machine is busy."""
    monkeypatch.setattr(loop, "Clock", HeldClock)


def heard(config: dict[str, Any], data: Any, folder: Path) -> Heard:
    """What a run reported while it trained."""
    listener = Heard()
    train(config, folder, data=data, listener=listener)
    assert len(listener.looks) >= 5
    return listener


def codes(listener: Heard) -> list[str]:
    """Of everything that was found."""
    return [finding.code for finding in listener.findings]


# Findings of gradients, of layers, of the loss, of epochs and of the clock; test_edges.py has every rule, and
# test_watch.py a run at too high a rate.
QUICK_PLANTS = ("exploding", "dead", "spike", "plateau", "input-bound")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in QUICK_PLANTS else pytest.mark.slow) for n in PLANTS])
def test_a_planted_fault_is_found_and_nothing_else(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = PLANTS[name]
    monkeypatch.setattr(loop, "Clock", lambda: HeldClock(plant.waiting))
    listener = heard(plant.config, plant.data(), tmp_path)
    assert codes(listener) == [plant.code]
    (finding,) = listener.findings
    assert finding.severity == "warning" and finding.key
    assert all(part in f"{finding.message}; {finding.help}" for part in plant.says), finding


HEALTHY = {
    "mlp": classify(mlp(128), {"epochs": 6}),
    "deep mlp": classify(mlp(64, 64, 64, 64), {"epochs": 5}),
    "mlp with dropout": classify(mlp(128, 64, dropout=0.3), {"epochs": 6}),
    "mlp with batch normalisation": classify(mlp(64, 64, normalization="batch"), {"epochs": 4}),
    "cnn": classify(CNN, {"epochs": 3}),
    "cnn with batch normalisation": classify(CNN_NORM, {"epochs": 3}),
    "rnn": classify({"builder": "rnn", "units": [32]}, {"epochs": 4}),
    "sgd": classify(mlp(128), {"epochs": 6, "optimizer": "sgd"}),
    "momentum": classify(mlp(128, 64), {"epochs": 6, "optimizer": at("sgd", 0.05, momentum=0.9)}),
    "cosine with warm-up": classify(mlp(128, 64), {"epochs": 8, "schedule": {"name": "cosine", "warmup_epochs": 1}}),
    "early stopping": classify(mlp(64), {"epochs": 40, "early_stopping": {"patience": 3}}),
    "small batches": classify(mlp(64), {"epochs": 2}, data={"batch_size": 8}),
    "large batches": classify(mlp(128), {"epochs": 12, "health": 2}, data={"batch_size": 200}),
    "pipeline": classify(mlp(64), {"epochs": 4, "health": 5}, data={"batch_size": 32, "feed": "pipeline"}),
}


# With layers that do something else in training; the others are variations.
QUICK = ("mlp with dropout", "cnn with batch normalisation")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in HEALTHY])
def test_nothing_is_found_in_a_healthy_run(name: str, tmp_path: Path) -> None:
    assert codes(heard(HEALTHY[name], digits(), tmp_path)) == []


@pytest.mark.parametrize("batch_size", [44, *(pytest.param(size, marks=pytest.mark.slow) for size in (8, 50))])
def test_nothing_is_found_in_a_healthy_regression(batch_size: int, tmp_path: Path) -> None:
    assert codes(heard(regress(mlp(32), {"epochs": 15}, batch_size), diabetes(), tmp_path)) == []


def test_nothing_is_found_where_a_class_and_a_yes_or_no_are_predicted_together(tmp_path: Path) -> None:
    config = classify(mlp(64), {"epochs": 5})
    config["data"]["targets"]["round"] = {"kind": "binary"}
    rounds = np.isin(np.arange(10), [0, 6, 8, 9]).astype("int32")
    data = {
        split: (x, {"label": y, "round": rounds[y]})
        for split, (x, y) in {"train": images(992), "validation": images(300, 20_000)}.items()
    }
    listener = heard(config, data, tmp_path)
    assert codes(listener) == []
    assert set(listener.looks[-1].classes) == {"label", "round"}
    # Both losses of a constant answer: the entropies of ten even classes, and of four of them.
    constant = np.mean([look.constant for look in listener.looks])
    assert constant == pytest.approx(np.log(10) - 0.4 * np.log(0.4) - 0.6 * np.log(0.6), rel=0.1)


@pytest.mark.parametrize(
    "name, changes",
    [
        pytest.param("mnist_quick", {"training.health": 20}, marks=pytest.mark.slow),
        pytest.param("mnist_mlp", {"training.health": 50, "training.epochs": 3}, marks=pytest.mark.slow),
        pytest.param("mnist_cnn", {"training.health": 50, "training.epochs": 2}, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_found_in_the_shipped_configurations(name: str, changes: dict[str, Any], tmp_path: Path) -> None:
    listener = Heard()
    dlkit.train(CONFIGS / f"{name}.yaml", changes, runs_folder=tmp_path, listener=listener)
    assert len(listener.looks) > 20
    assert codes(listener) == []


def test_every_rule_has_a_planted_fault_and_an_explanation() -> None:
    assert set(RULES) == {plant.code for plant in PLANTS.values()} <= set(table())
    for code, explaining in UNLESS.items():
        assert code in RULES and explaining <= set(RULES) - {code}
