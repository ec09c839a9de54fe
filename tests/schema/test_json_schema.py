from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from dlkit.config.problems import ConfigError
from dlkit.config.reader import read_file, read_text
from dlkit.schema.json_schema import json_schema
from dlkit.schema.loader import from_mapping
from tests.config.base import VALID

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def loads(data) -> bool:
    """Whether the loader finds nothing wrong but rules between settings, which no schema can say."""
    try:
        from_mapping(copy.deepcopy(data))
    except ConfigError as error:
        return {p.code for p in error.problems} <= {"contradiction", "does-not-fit", "unknown-metric"}
    return True


def changed(key, value):
    data = read_text(VALID, "f").data
    here = data
    for part in key[:-1]:
        here = here[part]
    if value is ...:
        del here[key[-1]]
    else:
        here[key[-1]] = value
    return data


def test_the_schema_is_valid_stable_and_described():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.dumps(SCHEMA) == json.dumps(json_schema(), sort_keys=True)
    assert SCHEMA["$schema"].endswith("2020-12/schema") and SCHEMA["title"] and SCHEMA["description"]
    for name, definition in SCHEMA["$defs"].items():
        for key, setting in definition.get("properties", {}).items():
            tag = key in ("kind", "builder", "name", "step") or "$ref" in str(setting)
            assert tag or setting.get("description"), (name, key)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_configuration_fits_the_schema(path):
    VALIDATOR.validate(read_file(path).data)


OPTIMIZER = ("training", "optimizer")
IMAGE = ("data", "inputs", "image")
BLOCK = ("model", "blocks", 0)
CHANGES = [
    (OPTIMIZER, "adam"), (OPTIMIZER, "adm"), (OPTIMIZER, {"name": "sgd", "momentum": 0.9}), (OPTIMIZER, None),
    (OPTIMIZER, {"name": "adam", "momentum": 0.9}), (OPTIMIZER, {"learning_rate": 0.1}), (OPTIMIZER, 3),
    ((*OPTIMIZER, "learning_rate"), 0), ((*OPTIMIZER, "learning_rate"), "0.1"), ((*OPTIMIZER, "learning_rate"), 1),
    ((*OPTIMIZER, "learning_rate"), True), ((*OPTIMIZER, "clipnorm"), None), ((*OPTIMIZER, "lr"), 0.1),
    (("training", "schedule"), "constant"), (("training", "schedule"), "step"), (("training", "schedule"), {}),
    (("training", "schedule"), {"name": "step", "epochs": [3]}), (("training", "schedule"), ...),
    (("training", "loss"), "sparse_categorical_crossentropy"), (("training", "loss"), "mse"),
    (("training", "loss"), None), (("training", "loss"), {"name": "huber", "delta": 0.5}),
    (("training", "loss"), {"name": "huber", "dleta": 0.5}),
    (("training", "loss"), {"name": "sparse_categorical_crossentropy", "from_logits": True}),
    (("training", "metrics"), ["accuracy", {"name": "auc", "num_thresholds": 3}]),
    (("training", "metrics"), "accuracy"), (("training", "metrics"), ["acc"]),
    (("training", "metrics"), [{"num_thresholds": 3}]), (("training", "metrics"), []), (("training", "epochs"), 0),
    (("training", "epochs"), "3"), (("training", "epochs"), ...), (("training",), ...),
    (("training", "epochs"), 2.5), (("training", "early_stopping"), {"patience": 3}),
    (("training", "early_stopping"), {}), ((*IMAGE, "preprocess"), ["rescale", "normalize"]),
    ((*IMAGE, "preprocess"), ["resize"]), ((*IMAGE, "kind"), "text"),
    ((*IMAGE, "preprocess"), [{"resize": {"height": 8, "width": 8}}]), ((*IMAGE, "preprocess"), [{"resize": None}]),
    ((*IMAGE, "preprocess"), [{"rescale": {"scale": 2, "sclae": 3}}]),
    ((*IMAGE, "preprocess"), [{"rescale": None}]), ((*IMAGE, "preprocess"), [{"rescale": {}, "normalize": {}}]),
    ((*IMAGE, "preprocess"), [{"rescale": 3}]),
    ((*IMAGE, "augment"), ["random_flip", {"random_zoom": {"height_factor": 0.1}}]),
    ((*IMAGE, "augment"), ["mix_up", "alternating_flip"]), ((*IMAGE, "augment"), ["spec_augment"]),
    ((*IMAGE, "augment"), ["flip"]), ((*IMAGE, "augment"), [{"random_zoom": {"height": 0.1}}]),
    ((*IMAGE, "augment"), [{"random_flip": None}]), ((*IMAGE, "shape"), [28, 28, 1]),
    ((*IMAGE, "shape"), [None, None, 3]), ((*IMAGE, "shape"), [0]), (IMAGE, {}), ((*IMAGE, "kind"), ...),
    (("data", "targets", "label", "classes"), 10), (("data", "targets", "label", "classes"), 1),
    (("data", "targets", "label", "classes"), ["a", "b"]), (("data", "targets", "label", "classes"), ["a"]),
    (("data", "inputs"), {}), (("data", "splits"), None), (("data", "splits", "validation"), None),
    (("data",), ...), (("data", "batch_size"), 0), (("data", "batchsize"), 8), (("model", "builder"), "mlp"),
    (("model", "builder"), ...), (("model",), {"builder": "mlp"}), (("model",), {"builder": "rnn", "units": [3]}),
    (("model",), {"builder": "cn"}), ((*BLOCK, "kernel_size"), [3, 3]), ((*BLOCK, "kernel_size"), [3]),
    ((*BLOCK, "kernel_size"), 0), (BLOCK, {}), ((*BLOCK, "activation"), "relu"), ((*BLOCK, "activation"), "rel"),
    (BLOCK, {"kind": "residual", "filters": 3}), (BLOCK, {"kind": "residual", "filters": 3, "padding": "same"}),
    (BLOCK, {"kind": "resnet", "filters": 3}), (BLOCK, {"kind": "plain", "filters": 3, "padding": "same"}),
    (("model",), {"builder": "cnn", "preset": "lite"}), (("model",), {"builder": "cnn", "preset": "light"}),
    ((*BLOCK, "pool_size"), None), (BLOCK, 3), (("runtime",), None), (("runtime", "deterministic"), "yes"),
    (("runtime",), {}), (("seed",), -1), (("seed",), 2**32), (("name",), "a b"), (("name",), ...),
    (("name",), "x" * 101), (("expects",), {"test_accuracy": ">= 0.9"}), (("expects",), {"test_accuracy": "high"}),
    (("expects",), {"test_accuracy": 0.9}), (("foo",), 1), (("plugins",), "a"), (("training", "epochs"), "${seed}"),
    (OPTIMIZER, "${training.loss}x"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), CHANGES, ids=[f"{k[-1]}={v!r}"[:60] for k, v in CHANGES])
def test_schema_and_loader_agree(key, value):
    data = changed(key, value)
    if "${training.loss}" in str(value):
        assert VALIDATOR.is_valid(data)  # what a reference leads to is the loader's business
        return
    assert VALIDATOR.is_valid(data) == loads(data)


def test_a_file_that_extends_another_may_leave_things_out():
    assert VALIDATOR.is_valid({"extends": "base.yaml"})
    assert VALIDATOR.is_valid({"extends": ["a.yaml", "b.yaml"], "training": {"optimizer": {"beta_1": 0.8}}})
    assert not VALIDATOR.is_valid({"extends": "base.yaml", "training": {"epoch": 3}})
    assert not VALIDATOR.is_valid({"extends": "base.yaml", "training": {"epochs": 0}})
    assert not VALIDATOR.is_valid({"extends": 3})
