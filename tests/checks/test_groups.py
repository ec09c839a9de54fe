"""Groups that splits of a source share are counted and the first row is named; whole groups are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dlkit.checks.context import CheckContext
from dlkit.checks.rules import RULES
from dlkit.config.problems import Problem
from dlkit.data.load import load_splits
from tests.training.helpers import MLP, load, settings


def says(folder: Path, patients: dict[str, list[str]], splits: dict[str, Any]) -> list[Problem]:
    """What the rule finds in CSV files of these patients, one row each."""
    for name, found in patients.items():
        numbers = np.random.default_rng(len(found)).normal(size=(len(found), 2))
        rows = [f"{patient},{x},{y}" for patient, (x, y) in zip(found, numbers.tolist(), strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["patient,x,y", *rows]) + "\n")
    config = settings(MLP)
    config["data"] |= {
        "source": {"kind": "csv", "path": {name: str(folder / f"{name}.csv") for name in patients}},
        "splits": splits,
        "inputs": {"x": {"kind": "number"}},
        "targets": {"y": {"kind": "number"}},
    }
    loaded = load(config)
    raw = load_splits(loaded.config.data)
    return list(RULES["group-in-two-splits"](CheckContext(loaded.config, None, raw=raw)))  # type: ignore[arg-type]


TRAIN = [f"p{i // 3}" for i in range(30)]


def test_patients_of_both_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    patients = {"train": TRAIN, "test": ["q1", "p4", "p4", "p9", "q2"]}
    (problem,) = says(tmp_path, patients, {"by": "group", "column": "patient", "test": "test"})
    assert "3 of 5 test examples are of 2 groups of `patient` that train has too" in problem.message
    assert "test.csv:3" in problem.message
    assert "train.csv:14" in problem.message
    assert problem.severity == "warning"


def test_shares_of_the_training_rows_beside_a_split_of_the_source(tmp_path: Path) -> None:
    splits = {"by": "group", "column": "patient", "validation": "20%", "test": "test"}
    found = says(tmp_path, {"train": TRAIN, "test": ["q1", *sorted(set(TRAIN))]}, splits)
    # Each patient of the test file is in train or in validation, of which neither has one of the other's.
    assert [problem.message.split(" that ")[1].split(" has")[0] for problem in found] == ["train", "validation"]


def test_rows_without_a_group_share_none(tmp_path: Path) -> None:
    splits = {"by": "group", "column": "patient", "test": "test"}
    assert not says(tmp_path, {"train": ["", *TRAIN], "test": ["q1", ""]}, splits)
    assert not says(tmp_path, {"train": ["", "1", "2"], "test": ["3", ""]}, splits)


def test_whole_groups_are_reported_nothing(tmp_path: Path) -> None:
    splits = {"by": "group", "column": "patient", "validation": "20%", "test": "20%"}
    assert not says(tmp_path, {"train": TRAIN}, splits)
    splits = {"by": "group", "column": "patient", "test": "test"}
    assert not says(tmp_path, {"train": TRAIN, "test": ["q1", "q2"]}, splits)
