"""Replicas give the answer of one device, whatever does not divide. Each number of devices needs its own process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from tests import processes
from tests.training.helpers import CNN, MLP, RNN, images, settings

# 97 examples in batches of 32 leave a last batch of one, fewer than the replicas; 13 epochs are 52 updates.
DATA = {"train": images(97), "validation": images(53, 200), "test": images(71, 400)}
PROGRAM = """
import json, sys
from tests.training.program.test_replicas import trained_here

for line in trained_here(*json.loads(sys.argv[1])).items():
    print(json.dumps(line))
"""

STEPS = {
    "adam": {},
    "clipped": {"optimizer": {"name": "adam", "global_clipnorm": 0.5}, "schedule": "cosine"},
    "accumulated": {"optimizer": {"name": "adam", "gradient_accumulation_steps": 2, "use_ema": True}, "health": 7},
    "momentum": {"optimizer": {"name": "sgd", "momentum": 0.9, "clipnorm": 0.1}},
    "unfrozen": {
        "optimizer": {"name": "adamw", "weight_decay": 0.01}, "freeze": ["dense_1"], "unfreeze_after": 5,
        "layer_rates": {"*": [0.1, 1.0]},
    },
}  # fmt: skip
CASES = {"mlp-clipped": (MLP, STEPS["clipped"], "graph")}
SLOW = {
    "mlp-momentum-xla": (MLP, STEPS["momentum"], "xla"),
    "cnn": (CNN, STEPS["adam"], "graph"),
    "mlp-accumulated": (MLP, STEPS["accumulated"], "graph"),
    "rnn": (RNN, STEPS["clipped"], "graph"),
    "mlp-unfrozen": (MLP, STEPS["unfrozen"], "graph"),
}
Results = dict[str, dict[str, Any]]


def trained_here(cases: dict[str, Any], devices: str, folder: str) -> Results:
    """History and test of runs, by the names of their cases."""
    found = {}
    for name, (model, more, compiled) in cases.items():
        config = settings(
            {**model, "dropout": 0.0},
            {"epochs": 13, **more},
            data={"batch_size": 32},
            runtime={"devices": devices, "compile": compiled},
        )
        run = dlkit.train(config, data=DATA, runs_folder=folder, verbose=False)
        found[name] = {"history": run.history, "test": run.test, "evaluated": run.evaluate()}
    return found


def trained(cases: dict[str, Any], devices: str, folder: Path) -> Results:
    """History and test of runs in a process of their own."""
    arguments = json.dumps([cases, devices, str(folder)])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")}
    done = processes.python(PROGRAM, arguments, folder=folder, environment=environment)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results]:
    """Every slow case on one device and on two."""
    folder = tmp_path_factory.mktemp("replicas")
    return trained(SLOW, "cpu:1", folder), trained(SLOW, "cpu:2", folder)


def must_be_equal(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Two runs have the same figures, but for the order of sums."""
    assert len(one["history"]["loss"]) == 13
    for column, values in one["history"].items():
        np.testing.assert_allclose(two["history"][column], values, atol=1e-5, err_msg=column)
    for name, value in one["test"].items():
        assert two["test"][name] == pytest.approx(value, abs=1e-5)
        assert two["evaluated"][name] == pytest.approx(value, abs=1e-5)


def test_two_replicas_train_validate_and_test_as_one_device(tmp_path: Path) -> None:
    one, two = trained_here(CASES, "cpu:1", str(tmp_path)), trained(CASES, "cpu:2", tmp_path)
    must_be_equal(one["mlp-clipped"], two["mlp-clipped"])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_two_replicas_train_other_networks_and_optimizers_as_one_device(
    name: str, slow: tuple[Results, Results]
) -> None:
    one, two = slow
    must_be_equal(one[name], two[name])


@pytest.mark.parametrize(
    ("devices", "code"), [("gpu:2", "no-such-device"), ("cpu:2", "devices-too-late")], ids=["absent", "too late"]
)
def test_devices_that_cannot_be_had_are_reported(devices: str, code: str, tmp_path: Path) -> None:
    tf.constant(1)  # now TensorFlow has its devices
    with pytest.raises(dlkit.ConfigError) as refused:
        dlkit.train(settings(MLP, runtime={"devices": devices}), data=DATA, runs_folder=tmp_path)
    assert refused.value.problems[0].code == code
    assert not list(tmp_path.iterdir())
