"""Three inputs of different kinds and two targets: their data, and that Keras has nothing to say of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

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
    "training": {"epochs": 2, "optimizer": "sgd", "first_batch": "off"},
    "runtime": {"compile": "graph"},
}


def test_keras_warns_of_no_name_of_an_input(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "filterwarnings", lambda *args, **options: None)  # dlkit leaves out some of Keras's
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dlkit.train(CONFIG, data={"train": (INPUTS, TARGETS)}, runs_folder=tmp_path, verbose=False)
    said = [str(w.message) for w in caught if "/keras/" in w.filename and issubclass(w.category, UserWarning)]
    assert not said
