"""Training with a backbone: what it begins with, and what changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.training.prepare import prepare
from tests.builders.applications import application, configuration, saved
from tests.training.helpers import load


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("mobilenet", tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {"train": (random.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8), random.integers(0, 3, 24))}


def test_a_run_begins_with_the_weights_of_the_file_and_trains_the_head_alone(file: Path, data: dict[str, Any]) -> None:
    ready = prepare(load(configuration(file, fine_tune=1, epochs=2)), data, weights_from=Path())
    network = application("mobilenet")(include_top=False, weights=str(file), input_shape=(32, 32, 3))
    assert bits(ready.built.network.get_layer("backbone")) == bits(network)
    assert ready.notes[0] == ("initial-weights", f"`backbone` (mobilenet) begins with the weights of {file}")
    assert [v.path.split("/")[0] for v in ready.built.network.trainable_variables] == ["y", "y"]
    ready.trained.freeze(frozen=False)
    rates = ready.trained.rates
    assert rates is not None
    assert (rates.factors[0], rates.factors[-3], rates.factors[-1]) == pytest.approx((0.01, 0.1, 1))
    assert not any("_bn/" in v.path for v in ready.trained.variables)


@pytest.fixture(scope="module")
def frozen(file: Path, data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    config = configuration(file, freeze=["backbone"])
    return dlkit.train(config, data=data, runs_folder=tmp_path_factory.mktemp("runs"), verbose=False)


def backbone_of(run: dlkit.Run) -> Any:
    return run.model.get_layer("backbone")


def bits(layer: Any) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in values(layer).items()}


def values(layer: Any) -> dict[str, np.ndarray]:
    return {f"{part.name}/{w.name}": w.numpy() for part in layer.layers for w in part.weights}


@pytest.mark.slow
def test_a_frozen_backbone_keeps_the_bits_of_the_file(frozen: dlkit.Run, file: Path) -> None:
    network = application("mobilenet")(include_top=False, weights=str(file), input_shape=(32, 32, 3))
    assert bits(backbone_of(frozen)) == bits(network)
    assert f"`backbone` (mobilenet) begins with the weights of {file}" in (frozen.folder / "train.log").read_text()


@pytest.mark.slow
def test_a_backbone_that_is_not_frozen_is_trained_but_for_its_normalisation(
    frozen: dlkit.Run, file: Path, data: dict[str, Any], tmp_path: Path
) -> None:
    # By the sign of the gradient, which is small in the first layers.
    config = configuration(file, max_steps=1, optimizer="lion")
    run = dlkit.train(config, data=data, runs_folder=tmp_path, verbose=False)
    before, after = values(backbone_of(frozen)), values(backbone_of(run))
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    normal = {name for name in before if "_bn/" in name}
    assert moved == before.keys() - normal
