"""A script that `dlkit export --format python` wrote trains as dlkit does, where dlkit is not installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml

import dlkit
from dlkit.bundled.reading import read_mnist
from dlkit.export.formats import python
from dlkit.schema.loader import load
from dlkit.training.checkpoints.files import Progress
from dlkit.training.engine import Engine
from dlkit.training.prepare import prepare
from dlkit.training.program.execution import ExecutionPlan
from dlkit.training.program.strategy import session
from tests.documents import ROOT, blocks
from tests.processes import python as in_a_process

STEPS = 10
# Runs in a process of its own, in the script's folder, without dlkit.
FIRST_STEPS = """
import importlib, json, sys
import keras
import numpy as np

script = importlib.import_module(sys.argv[1])
keras.utils.set_random_seed(script.SEED)
model = script.build_model()
script.compile_model(model)
# Nothing is compiled, which takes longer than ten steps.
model.run_eagerly = True
weights = {f"{x.name} {n}": w for x in model.layers for n, w in enumerate(x.get_weights())}
np.savez("weights.npz", **weights)
losses = []
for batch in script.training_batches(script.examples("train")).take(int(sys.argv[2])):
    model.reset_metrics()
    losses.append(float(model.train_on_batch(*batch, return_dict=True)["loss"]))
print(json.dumps(losses))
"""
WHOLE = """
import importlib, json, sys

script = importlib.import_module(sys.argv[1])
keras_evaluate = script.keras.Model.evaluate

def kept(model, *args, **kwargs):
    found = keras_evaluate(model, *args, **kwargs, verbose=0)
    with open("test.json", "w") as file:
        json.dump(found, file)
    return found

script.keras.Model.evaluate = kept
script.main()
"""

IMAGES = {"kind": "image", "column": "x"}
CNN = {
    "data": {
        "source": {"kind": "npz", "path": "digits.npz"},
        "inputs": {"image": {**IMAGES, "preprocess": ["rescale", "normalize"]}},
        "targets": {"label": {"kind": "category", "column": "y", "classes": 10, "class_weight": "balanced"}},
        "batch_size": 16,
    },
    "model": {"builder": "cnn", "blocks": [{"kind": "residual", "filters": 4}, {"filters": 4, "pool_size": 2}]},
    "training": {"epochs": 2, "schedule": "one_cycle", "label_smoothing": 0.1, "optimizer": "sgd"},
}
TABLE = {
    "data": {
        "source": {"kind": "csv", "path": "people.csv"},
        "splits": {"validation": "20%", "test": "20%"},
        "inputs": {
            "numbers": {
                "kind": "number",
                "columns": ["age", "hours"],
                "preprocess": [{"fill_missing": {"indicator": True}}, "normalize"],
            },
            "words": {"kind": "category", "columns": ["job", "town"]},
        },
        "targets": {"pay": {"kind": "number", "metrics": ["mean_absolute_error", "r2_score"]}},
        "batch_size": 16,
    },
    "model": {"builder": "mlp", "dense": [8, 8], "residual": True, "members": 3},
    "training": {
        "epochs": 3,
        "schedule": {"name": "cosine", "warmup_epochs": 0.5},
        "optimizer": {"name": "adamw", "global_clipnorm": 1.0, "learning_rate": 0.01},
    },
}
VOWELS = {
    "data": {
        "source": {"kind": "bundled", "name": "japanese_vowels"},
        "splits": {"train": "train", "test": "test"},
        "inputs": {"x": {"kind": "sequence", "length": 29}},
        "targets": {"speaker": {"kind": "category", "column": "label"}},
        "batch_size": 32,
    },
    "model": {"builder": "rnn", "cell": "gru", "units": [6], "bidirectional": True, "pooling": "attention"},
    "training": {"epochs": 2, "limit_batches": {"train": 6}},
}
SEVERAL = {
    "data": {
        **CNN["data"],
        "targets": {
            "label": {"kind": "category", "column": "y", "classes": 10, "loss_weight": 0.5},
            "size": {"kind": "number", "column": "y", "normalize": False},
            "high": {"kind": "binary", "column": "high", "metrics": ["accuracy", "auc"], "class_weight": "balanced"},
        },
    },
    "model": {"builder": "mlp", "dense": [8]},
    "training": {"epochs": 2, "optimizer": {"name": "sgd", "gradient_accumulation_steps": 2, "clipnorm": 0.5}},
}
CONFIGS: dict[str, dict[str, Any]] = {"cnn": CNN, "table": TABLE, "vowels": VOWELS, "several": SEVERAL}
SOME_SLOW = ["cnn", "table", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vowels", "several"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data, the configurations and the scripts of them."""
    place = tmp_path_factory.mktemp("scripts")
    x, y = read_mnist("train")
    parts = {"train": slice(0, 104), "validation": slice(104, 136), "test": slice(136, 200)}
    columns = {"x": x, "y": y, "high": y > 4}
    arrays = {f"{column}_{name}": values[part] for column, values in columns.items() for name, part in parts.items()}
    np.savez(place / "digits.npz", **arrays)
    (place / "people.csv").write_text("\n".join(["age,hours,job,town,pay", *people(180)]) + "\n")
    for name, config in CONFIGS.items():
        stated = {"name": name, **config, "runtime": {"compile": "graph"}}
        (place / f"{name}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
        python.export(load(place / f"{name}.yaml"), place / f"{name}.py")
    return place


def people(count: int) -> list[str]:
    """Rows of a table, with holes."""
    random = np.random.default_rng(3)
    ages, hours = random.integers(18, 70, count), random.integers(10, 50, count)
    jobs, towns = random.choice(["cook", "clerk", "smith"], count), random.choice([f"t{n}" for n in range(15)], count)
    pay = 100 + 3 * hours + ages + 20 * (jobs == "smith")
    return [f"{'' if n % 9 == 0 else ages[n]},{hours[n]},{jobs[n]},{towns[n]},{pay[n]}" for n in range(count)]


def first_steps(path: Path) -> tuple[dict[str, np.ndarray], list[float]]:
    """The weights that a run of dlkit begins with, and the losses of its first updates."""
    loaded = load(path)
    with session(loaded.config):
        prepared = prepare(loaded)
        network, feeder = prepared.built.network, prepared.training_feeder()
        weights = {f"{x.name} {n}": w for x in network.layers for n, w in enumerate(x.get_weights())}
        plan = ExecutionPlan("graph", 1, prepared.config.training.epochs)
        program, losses = Engine(prepared, plan, feeder, Progress()).program, []
        epochs = range(prepared.config.training.epochs)
        blocks = [block for epoch in epochs for block in feeder.blocks(prepared.config.seed, epoch)]
        for block, number in [(one, n) for one in blocks for n in range(one.steps)][:STEPS]:
            program.metrics.reset()
            program.update(feeder.pick(block.tensors, tf.constant(number)))
            losses.append(float(program.metrics.loss.result()))
    return weights, losses


@pytest.mark.parametrize("name", SOME_SLOW)
def test_a_script_begins_with_the_same_weights_and_has_the_same_losses(name: str, folder: Path) -> None:
    done = in_a_process(FIRST_STEPS, name, str(STEPS), folder=folder, root=None)
    assert done.returncode == 0, done.stderr
    weights, losses = first_steps(folder / f"{name}.yaml")
    theirs = np.load(folder / "weights.npz")
    assert set(theirs) == set(weights)
    for key, ours in weights.items():
        np.testing.assert_array_equal(theirs[key], ours, err_msg=key)
    assert len(losses) == STEPS
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), losses, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_whole_script_tests_as_a_run_of_dlkit_does(folder: Path, tmp_path: Path) -> None:
    done = in_a_process(WHOLE, "table", folder=folder, root=None)
    assert done.returncode == 0, done.stderr
    run = dlkit.train(folder / "table.yaml", runs_folder=tmp_path)
    theirs = json.loads((folder / "test.json").read_text())
    assert theirs["loss"] == pytest.approx(run.test["loss"], rel=1e-3)
    assert theirs["mean_absolute_error"] == pytest.approx(run.test["mean_absolute_error"], rel=1e-3)
    assert theirs["r2_score"] == pytest.approx(run.test["r2_score"], abs=1e-3)
    model = keras.saving.load_model(folder / "table.keras")
    assert [x.name for x in model.inputs] == ["numbers", "words"]


@pytest.mark.slow
def test_the_script_that_the_page_shows_is_what_is_written(tmp_path: Path) -> None:
    python.export(load(ROOT / "configs" / "mnist_quick.yaml"), tmp_path / "mnist_quick.py")
    (shown,) = [b for b in blocks("docs/export.md", "python") if b.startswith('"""mnist_quick')]
    written = (tmp_path / "mnist_quick.py").read_text(encoding="utf-8")
    assert re.sub(r"Keras [\d.]+\)", "Keras)", shown) == re.sub(r"Keras [\d.]+\)", "Keras)", written)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_script_is_formatted_and_has_nothing_unused(name: str, folder: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    for words in (["format", "--check"], ["check", "--select", "E,F,W,I,UP,B"]):
        command = [str(ruff), *words, "--isolated", "--line-length", "120", str(folder / f"{name}.py")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
