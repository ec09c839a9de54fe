"""Three inputs of different kinds and two targets: trained, evaluated, predicted, the same again."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import dlkit

RANDOM = np.random.default_rng(0)
ROWS = 192  # batches of 32 divide it
INPUTS = {
    "image": RANDOM.integers(0, 256, (ROWS, 8, 8, 1)).astype("uint8"),
    "numbers": np.where(RANDOM.random((ROWS, 3)) < 0.1, np.nan, RANDOM.normal(size=(ROWS, 3))).astype("float32"),
    "words": np.array(["a", "b", "c", "d"])[RANDOM.integers(0, 4, (ROWS, 1))],
}
TARGETS = {
    "group": np.array(["low", "high"])[(INPUTS["words"][:, 0] < "c").astype(int)],
    "size": RANDOM.normal(size=ROWS).astype("float32"),
}
# Keras's R2 has no variables before its first batch.
METRICS = ["mean_absolute_error", "r2_score"]
CONFIG: dict[str, Any] = {
    "name": "three",
    "data": {
        "inputs": {
            "image": {"kind": "image"},
            "numbers": {"kind": "number", "preprocess": [{"fill_missing": "median"}, "normalize"]},
            "words": {"kind": "category"},
        },
        "targets": {"group": {"kind": "category"}, "size": {"kind": "number", "metrics": METRICS}},
    },
    "model": {"builder": "cnn", "blocks": [{"filters": 4, "pool_size": 2}], "dense": [8], "dropout": 0.1},
    "training": {"epochs": 2, "optimizer": "sgd"},
    "runtime": {"compile": "graph"},
}


def test_keras_warns_of_no_name_of_an_input(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "filterwarnings", lambda *args, **options: None)  # dlkit leaves out some of Keras's
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dlkit.train(CONFIG, data={"train": (INPUTS, TARGETS)}, runs_folder=tmp_path, verbose=False)
    said = [str(w.message) for w in caught if "/keras/" in w.filename and issubclass(w.category, UserWarning)]
    assert not said


def test_a_model_of_three_inputs_and_two_targets_has_one_set_of_figures(tmp_path: Any) -> None:
    given = dict.fromkeys(("train", "validation", "test"), (INPUTS, TARGETS))
    runs = [dlkit.train(CONFIG, data=given, runs_folder=tmp_path / name, verbose=False) for name in "ab"]
    assert runs[0].test == runs[1].test
    model = keras.saving.load_model(runs[0].folder / "model.keras")
    raw = {name: tf.constant(values) for name, values in INPUTS.items()}
    results = model.predict(raw, verbose=0)
    accuracy = np.mean(results["group"].argmax(axis=1) == (TARGETS["group"] == "low"))
    assert accuracy == pytest.approx(runs[0].test["group_accuracy"])
    assert np.mean(np.abs(results["size"][:, 0] - TARGETS["size"])) == pytest.approx(
        runs[0].test["size_mean_absolute_error"], rel=1e-5
    )
