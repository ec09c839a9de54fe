"""What `predict` has to say about the examples of a file: what was cut off, and what training does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import dlkit
from dlkit.evaluation import tables
from dlkit.evaluation.predict import predict

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
        "training": {"epochs": 1, "health": "off", "baselines": "off"},
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
        "training": {"epochs": 1, "health": "off", "baselines": "off"},
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
