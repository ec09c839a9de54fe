"""Several classes at once, from text, from columns of 0 and 1, and from vectors."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_splits
from dlkit.evaluation.predict import predict
from dlkit.evaluation.tables import write
from dlkit.schema.loader import from_mapping
from tests.quick import ALONE

X = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
RAIN, WIND = X[:, 0] > 0, X[:, 1] > 0
TEXT = np.array([", ".join(np.array(["rain", "wind"])[[r, w]]) for r, w in zip(RAIN, WIND, strict=True)])
HOT = np.stack([RAIN, WIND], axis=1).astype("float32")


def config(**target: Any) -> dict[str, Any]:
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "multi_label", **target}}}
    data["batch_size"] = 20
    return {
        "name": "weather", "data": data, "model": {"builder": "mlp", "dense": [8]},
        "training": {
            "epochs": 25, "optimizer": {"name": "adam", "learning_rate": 0.05}, **ALONE,
        },
        "runtime": {"compile": "graph"},
    }  # fmt: skip


def labels(target: dict[str, Any], fields: dict[str, Any]) -> tuple[Any, np.ndarray]:
    """The target of such training rows, and its labels in batches."""
    splits = load_splits(from_mapping(config(**target), needs_source=False).config.data, given={"train": fields})
    return splits.spec.targets["y"], splits.train.arrays.targets["y"]  # type: ignore[union-attr]


def test_text_columns_and_vectors_mean_the_same() -> None:
    of_text, words = labels({}, {"x": X, "y": TEXT})
    of_columns, columns = labels({"columns": ["rain", "wind"]}, {"x": X, "rain": RAIN, "wind": WIND})
    _, vectors = labels({"classes": ["rain", "wind"]}, {"x": X, "y": HOT})
    np.testing.assert_array_equal(words, HOT)
    np.testing.assert_array_equal(columns, HOT)
    np.testing.assert_array_equal(vectors, HOT)
    assert of_text.classes == of_columns.classes == ("rain", "wind")
    assert of_text.state["counts"] == [int(RAIN.sum()), int(WIND.sum())]


def test_what_stands_between_classes_is_the_user_s() -> None:
    target, found = labels({"separator": "|"}, {"x": X[:3], "y": np.array(["a|b c", "", " b c "])})
    assert target.classes == ("a", "b c")
    np.testing.assert_array_equal(found, [[1, 1], [0, 0], [0, 1]])


@pytest.mark.parametrize(
    ("target", "y", "expected"),
    [
        ({"classes": ["rain", "sun"]}, TEXT, "`wind`"),
        ({}, HOT * 2, "holds 2.0, neither 0 nor 1"),
        ({}, np.array([""] * 60), "no training row has a class"),
        ({"classes": ["rain"]}, HOT, "1 class, and labels of 2 values"),
        ({}, RAIN.astype("int32"), "a vector of 0 and 1"),
    ],
)
def test_labels_that_are_none_are_refused(target: dict[str, Any], y: np.ndarray, expected: str) -> None:
    with pytest.raises((ConfigError, RunError), match=expected) as refused:
        labels(target, {"x": X, "y": y})
    assert refused.value.problems[0].help


PARTS = {"train": (X[:40], {"y": TEXT[:40]}), "test": (X[40:], {"y": TEXT[40:]})}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    """A finished run."""
    return dlkit.train(config(), data=PARTS, runs_folder=tmp_path_factory.mktemp("runs"), verbose=False)


def test_a_model_learns_and_predicts_several_classes_at_once(run: dlkit.Run) -> None:
    assert run.test["f1_score"] > 0.8
    assert run.evaluate()["f1_score"] == pytest.approx(run.test["f1_score"], rel=1e-6)
    found = run.model.predict(X[40:], verbose=0)
    target = dlkit.load_run(run.folder, data=PARTS)
    assert target.test == run.test
    assert found.shape == (20, 2)


def test_a_class_that_the_settings_do_not_list_is_said_to_be_so() -> None:
    with pytest.raises(RunError, match="has the label `wind`, which `classes` does not list") as refused:
        labels({"classes": ["rain", "snow"]}, {"x": X, "y": TEXT})
    assert f"({int(WIND.sum())} such rows)" in refused.value.problems[0].message
    assert refused.value.problems[0].key == ("data", "targets", "y", "classes")


def test_a_table_has_the_classes_of_an_example_in_one_cell(run: dlkit.Run, tmp_path: Path) -> None:
    write(tmp_path / "t.csv", predict(run.folder, data=PARTS))
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["input", "row", "classes", "p_rain", "p_wind", "label"]
    assert [row["label"] for row in rows] == [text.replace(", ", ",") for text in TEXT[40:]]
    assert {row["classes"] for row in rows} <= {"", "rain", "wind", "rain,wind"}


@pytest.mark.parametrize(("written", "proposed"), [(";", ";"), ("; ", ";"), ("|", "|"), (" / ", "/"), (" ", " ")])
def test_another_separator_than_the_labels_have_is_noted(written: str, proposed: str) -> None:
    def notes(**target: Any) -> list[str]:
        data = from_mapping(config(**target), needs_source=False).config.data
        found = load_splits(data, given={"train": {"x": X[:3], "y": np.array([f"a{written}b", "a", "b"])}})
        return [note for note in found.notes if "separator" in note]

    (note,) = notes()
    assert "1 of 3" in note
    assert f'`separator: "{proposed}"`' in note
    assert notes(separator=proposed) == []
    assert notes(classes=["a", "b", f"a{written}b".strip()]) == []


def test_a_separator_that_some_rows_have_is_not_doubted() -> None:
    data = from_mapping(config(), needs_source=False).config.data
    found = load_splits(data, given={"train": {"x": X[:3], "y": np.array(["new york,rain", "new york", "sun/moon"])}})
    assert not [note for note in found.notes if "separator" in note]


def test_a_misspelt_class_gets_the_nearest_name() -> None:
    with pytest.raises(RunError) as refused:
        labels({"classes": ["rain", "wnd"]}, {"x": X, "y": TEXT})
    assert refused.value.problems[0].help.startswith("did you mean `wnd`? the classes are `rain`")
