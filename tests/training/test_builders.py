"""Runs of every kind of network go on to the same bits: those that draw at random inside their layers above all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.quick import ALONE
from tests.training.helpers import finished, interrupted, resume, state_digest

RANDOM = np.random.default_rng(0)
ROWS = 64
INPUTS = {
    "image": RANDOM.normal(size=(ROWS, 8, 8, 1)).astype("float32"),
    "series": RANDOM.normal(size=(ROWS, 4, 2)).astype("float32"),
    "words": np.array(["a b", "b c a", "c", "a"] * (ROWS // 4), object),
}
DATA = {"train": (INPUTS, {"y": np.arange(ROWS) % 2})}
PARTS = {
    "image": {"builder": "attention", "blocks": 1, "width": 8, "heads": 2, "dropout": 0.2},
    "series": {"builder": "rnn", "cell": "gru", "units": [4], "recurrent_dropout": 0.2, "pooling": "attention"},
    "words": {"builder": "bag", "weights": "tf_idf", "dropout": 0.3},
}
CONFIG: dict[str, Any] = {
    "name": "joined",
    "data": {
        "inputs": {"image": {"kind": "image"}, "series": {"kind": "sequence"}, "words": {"kind": "text"}},
        "targets": {"y": {"kind": "binary"}},
        "batch_size": 16,
    },
    "model": {"builder": "join", "inputs": PARTS, "dense": [4]},
    "training": {"epochs": 2, **ALONE, "optimizer": "sgd"},
    "runtime": {"compile": "graph"},
}


MEMBERS: dict[str, Any] = {
    **CONFIG,
    "name": "members",
    "data": {**CONFIG["data"], "inputs": {"table": {"kind": "number"}}},
    "model": {
        "builder": "mlp",
        "dense": [4, 4],
        "members": 3,
        "numbers": "piecewise",
        "residual": True,
        "dropout": 0.2,
    },
}
TABLE = {"train": ({"table": RANDOM.normal(size=(ROWS, 3))}, {"y": np.arange(ROWS) % 2})}


@pytest.mark.slow
@pytest.mark.parametrize(("config", "data"), [(CONFIG, DATA), (MEMBERS, TABLE)], ids=["joined", "members"])
def test_a_cut_run_goes_on_to_the_same_bits(config: Any, data: Any, tmp_path: Path, one_step_chunks: None) -> None:
    whole = finished(config, tmp_path / "whole", data=data)
    folder = interrupted(config, 3, tmp_path / "cut", data=data)
    resume(folder, data=data)
    assert state_digest(folder) == state_digest(whole.folder)
