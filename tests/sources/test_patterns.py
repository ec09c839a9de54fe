"""Columns by a pattern or a list, from every source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.contract import Rows, Splits
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.sources import _tfds_columns as tfds_source

ROWS = 12
# Not in the order of their names, and one that only looks like the others.
COLUMNS = {
    "sensor_2": np.arange(ROWS, dtype=np.float32) + 200,
    "sensor_1": np.arange(ROWS, dtype=np.float32) + 100,
    "censor_3": np.arange(ROWS, dtype=np.float32) + 300,
    "sensor_y": np.arange(ROWS) % 2,
}
SOURCES = ["npz", "given", "given stream", "tfds", "tfds stream"]
EVERY = pytest.mark.parametrize("source", SOURCES)


def opened(source: str, columns: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Splits:
    """The data with an input of these columns, and a target whose own name has no column."""
    given, settings = None, None
    if source == "npz":
        np.savez(folder / "a.npz", **{f"{name}_train": column for name, column in COLUMNS.items()})  # type: ignore[arg-type]
        settings = {"kind": "npz", "path": str(folder / "a.npz")}
    elif source.startswith("tfds"):
        types = {name: tfds.features.Scalar(dtype=column.dtype) for name, column in COLUMNS.items()}
        rows = [(n, {name: column[n] for name, column in COLUMNS.items()}) for n in range(ROWS)]
        tfds.dataset_builders.store_as_tfds_dataset(
            name="sensors",
            version="1.0.0",
            features=tfds.features.FeaturesDict(types),
            split_datasets={"train": rows},
            data_dir=folder,
        )
        settings = {"kind": "tfds", "name": "sensors", "data_dir": str(folder)}
        if source == "tfds stream":
            monkeypatch.setattr(tfds_source, "MEMORY_LIMIT", 0)
    else:
        given = {"train": tf.data.Dataset.from_tensor_slices(COLUMNS) if "stream" in source else COLUMNS}
    inputs = {"x": {"kind": "number", "columns": columns}}
    targets = {"y": {"kind": "category", "column": "sensor_y", "classes": 2}}
    data = Data.model_validate({"source": settings, "inputs": inputs, "targets": targets})
    return load_splits(data, given=given)


def values(splits: Splits) -> list[Any]:
    """The input's values in the source's order."""
    if isinstance(splits.train, Rows):
        return list(splits.train.read(np.arange(ROWS)).inputs["x"].tolist())
    return [inputs["x"].tolist() for inputs, *_ in splits.train.make(0, -1).as_numpy_iterator()]


def problem_of(source: str, columns: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Problem:
    """The only mistake of such columns."""
    with pytest.raises(ConfigError) as refused:
        opened(source, columns, folder, monkeypatch)
    (problem,) = refused.value.problems
    return problem


@EVERY
@pytest.mark.parametrize("columns", ["sensor_*", ["sensor_1", "sensor_?"], ["sensor_1", "sensor_2"]])
def test_a_pattern_takes_the_columns_that_fit_by_the_alphabet_and_no_label(
    source: str, columns: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = opened(source, columns, tmp_path, monkeypatch)
    assert splits.spec.inputs["x"].columns == ("sensor_1", "sensor_2")
    assert sorted(values(splits)) == [[100 + n, 200 + n] for n in range(ROWS)]


@EVERY
def test_a_list_keeps_its_order(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = opened(source, ["sensor_2", "c*"], tmp_path, monkeypatch)
    assert splits.spec.inputs["x"].columns == ("sensor_2", "censor_3")


@EVERY
@pytest.mark.parametrize("columns", ["sensr_*", ["sensor_1", "sensr_*"]])
def test_a_pattern_that_fits_nothing_is_named_where_it_stands(
    source: str, columns: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(source, columns, tmp_path, monkeypatch)
    place = ("columns", 1) if isinstance(columns, list) else ("columns",)
    assert (problem.code, problem.key) == ("unknown-column", ("data", "inputs", "x", *place))
    assert "`sensr_*`" in problem.message
    assert "`sensor_2`" in problem.help


@EVERY
def test_a_column_that_is_not_there_gets_the_nearest_name(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(source, ["sensor_1", "sensr_2"], tmp_path, monkeypatch)
    assert "sensr_2" in problem.message
    assert "did you mean `sensor_2" in problem.help
    if source != "npz":  # it knows of arrays, `sensr_2_train`, and says so at its path
        assert problem.key == ("data", "inputs", "x", "columns", 1)


def test_the_bundled_set_knows_patterns() -> None:
    inputs = {"x": {"kind": "image", "columns": "im*"}}
    targets = {"y": {"kind": "category", "columns": "lab*"}}
    source = {"kind": "bundled", "name": "mnist"}
    splits = load_splits(Data.model_validate({"source": source, "inputs": inputs, "targets": targets}))
    assert splits.spec.inputs["x"].columns == ("image",)
    assert splits.spec.targets["y"].columns == ("label",)


def test_a_single_array_stands_for_the_columns_of_a_pattern() -> None:
    inputs, targets = {"x": {"kind": "number", "columns": "sensor_*"}}, {"y": {"kind": "category", "classes": 2}}
    data = Data.model_validate({"inputs": inputs, "targets": targets})
    splits = load_splits(data, given=(np.ones((ROWS, 3)), np.arange(ROWS) % 2))
    assert splits.spec.inputs["x"].shape == (3,)


def test_fields_of_a_pattern_are_found_by_their_splits(tmp_path: Path) -> None:
    """Without a field that is wanted by name, what follows the last underscore is the split."""
    arrays = {"a_1": np.ones(4), "a_2": np.ones(4), "y": np.arange(4) % 2}
    np.savez(tmp_path / "a.npz", **{f"{n}_{s}": x for n, x in arrays.items() for s in ("train", "test")})  # type: ignore[arg-type]
    inputs, targets = {"x": {"kind": "number", "columns": "a_*"}}, {"y": {"kind": "binary", "columns": "[y]"}}
    source = {"kind": "npz", "path": str(tmp_path / "a.npz")}
    splits = load_splits(Data.model_validate({"source": source, "inputs": inputs, "targets": targets}))
    assert dict(splits.spec.sizes) == {"train": 4, "test": 4}
    assert splits.spec.inputs["x"].columns == ("a_1", "a_2")


MIXED = {
    "city": np.array(["Bonn", "Ulm"] * 6),
    "floor": np.arange(ROWS) % 3,
    "rent": np.arange(ROWS) / 1.0,
    "y": np.arange(ROWS) % 2,
}


@pytest.mark.parametrize("stream", [False, True], ids=["arrays", "stream"])
@pytest.mark.parametrize("number", ["floor", "rent"])
@pytest.mark.parametrize("kind", ["category", "number"])
def test_text_beside_numbers_is_refused_with_the_columns_and_their_types(stream: bool, number: str, kind: str):
    inputs = {"x": {"kind": kind, "columns": ["city", number]}}
    data = Data.model_validate({"inputs": inputs, "targets": {"y": {"kind": "binary"}}})
    with pytest.raises(ConfigError) as refused:
        load_splits(data, given={"train": tf.data.Dataset.from_tensor_slices(MIXED) if stream else MIXED})
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("mixed-types", ("data", "inputs", "x"))
    assert f"`city` (string), and `{number}` ({MIXED[number].dtype})" in problem.message


def test_a_split_with_numbers_where_training_has_text_is_refused_among_columns_too():
    inputs = {"x": {"kind": "category", "columns": ["city", "street"]}}
    data = Data.model_validate({"inputs": inputs, "targets": {"y": {"kind": "binary"}}})
    train = {**MIXED, "street": MIXED["city"]}
    with pytest.raises(RunError, match=r"row 0 of `test` holds 0 \(int\) among text"):
        load_splits(data, given={"train": train, "test": {**train, "street": MIXED["floor"]}})


def test_large_whole_numbers_side_by_side_stay_what_they_are_in_a_stream():
    numbers = np.arange(ROWS) + 2**40 + 1
    data = Data.model_validate(
        {
            "inputs": {"x": {"kind": "category", "columns": ["a", "b"]}},
            "targets": {"y": {"kind": "category", "classes": 2}},
        }
    )
    rows = tf.data.Dataset.from_tensor_slices({"a": numbers, "b": MIXED["floor"], "y": MIXED["y"]})
    splits = load_splits(data, given={"train": rows})
    first = next(iter(splits.train.make(0, -1)))
    assert first[0]["x"].numpy().tolist() == [2**40 + 1, 0]
