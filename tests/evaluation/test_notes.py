"""What `predict` has to say about the examples of a file, and `evaluate` about its figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dlkit
from dlkit.evaluation import tables
from dlkit.evaluation.evaluate import evaluate
from dlkit.evaluation.predict import predict
from tests.quick import ALONE

ROWS = 32
RANDOM = np.random.default_rng(0)
SERIES = RANDOM.normal(size=(ROWS, 5, 2)).astype("float32")
SERIES[::2, 3:] = np.nan
CITIES = np.array(["Rome", "Oslo"])[np.arange(ROWS) % 2]


def test_what_is_cut_and_what_is_unknown_in_a_file_is_counted_and_said(tmp_path: Path) -> None:
    config = {
        "name": "small",
        "data": {
            "inputs": {"series": {"kind": "sequence"}, "city": {"kind": "category"}},
            "targets": {"y": {"kind": "binary"}},
        },
        "model": {"builder": "rnn", "units": [4]},
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }
    data = {"train": ({"series": SERIES, "city": CITIES}, {"y": np.arange(ROWS) % 2})}
    run = dlkit.train(config, data=data, runs_folder=tmp_path, verbose=False)
    longer = np.concatenate([SERIES[:3], SERIES[:3]], axis=1)
    longer[0, 3:] = np.nan
    longer[2, 3:] = np.nan
    longer[1, 5:] = SERIES[1]
    np.savez(tmp_path / "new.npz", series=longer, city=["Rome", "Lima", "Oslo"])
    np.savez(tmp_path / "known.npz", series=SERIES[:3], city=CITIES[:3])
    cut, unknown = predict(run.folder, [tmp_path / "known.npz", tmp_path / "new.npz"]).notes
    assert cut.endswith("new.npz: 1 of 3 sequences of `series` are longer than 5 steps: their ends are cut off")
    assert "new.npz: 1 of 3 rows have a value of `city` that training does not know, such as `Lima`" in unknown


def test_gaps_are_filled_in_and_counted_and_classes_come_back_as_the_labels_were(tmp_path: Path) -> None:
    config = {
        "name": "gaps",
        "data": {
            "inputs": {"age": {"kind": "number", "preprocess": ["fill_missing", "normalize"]}},
            "targets": {"kind": {"kind": "category"}, "word": {"kind": "category"}, "yes": {"kind": "binary"}},
        },
        "model": {"builder": "mlp", "dense": [2]},
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }
    turns = np.arange(ROWS) % 2
    labels = {"kind": turns * 4 + 3, "word": np.array(["3", "x"])[turns], "yes": turns}
    data = {"train": ({"age": np.arange(ROWS)}, labels)}
    run = dlkit.train(config, data=data, runs_folder=tmp_path, verbose=False)
    np.save(tmp_path / "new.npy", np.array([1.5, np.nan, 30], "float32"))
    found = predict(run.folder, [tmp_path / "new.npy"])
    (note,) = found.notes
    assert note.endswith("new.npy: 1 of 3 rows miss a value that is filled in: `age` in 1")
    for record in tables.records(found):
        assert record["kind"]["class"] in (3, 7) and record["word"]["class"] in ("3", "x")
        assert record["yes"]["class"] in (0, 1)


def test_a_loss_and_a_metric_of_a_plug_in_are_not_in_the_saved_model(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import keras\n\n\nclass Mine(keras.losses.Loss):\n"
        "    def call(self, labels, logits):\n"
        "        return 5 + keras.ops.mean(keras.ops.square(logits), axis=-1)\n\n\n"
        "class Share(keras.metrics.BinaryAccuracy):\n    pass\n\n\n"
        'losses, metrics = {"mine": Mine}, {"share": Share}\n'
    )
    x = np.linspace(-1, 1, 60, dtype=np.float32)[:, np.newaxis]
    config = {
        "name": "mine",
        "plugins": [str(tmp_path / "mine.py")],
        "data": {
            "inputs": {"x": {"kind": "number"}},
            "targets": {"y": {"kind": "binary", "loss": "mine", "metrics": ["accuracy", "share"]}},
            "batch_size": 20,
        },
        "model": {"builder": "mlp"},
        "training": {"epochs": 1, **ALONE},
    }
    data = {split: (x, (x[:, 0] > 0).astype(np.int32)) for split in ("train", "test")}
    run = dlkit.train(config, data=data, runs_folder=tmp_path, verbose=False)
    assert run.test["loss"] > 5
    found = evaluate(run.folder, data=data)
    assert list(found.figures) == ["loss", "accuracy"]
    assert found.figures["accuracy"] == pytest.approx(run.test["accuracy"])
    of_loss, of_metric = found.notes[-2:]
    assert "`binary_crossentropy`" in of_loss
    assert "`mine`" in of_loss
    assert "`share`" in of_metric
