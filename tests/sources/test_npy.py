"""NumPy arrays in files of their own: columns and splits, memory maps, and what is said of other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.schema.guess import Asked
from dlkit.schema.loader import from_mapping, load
from dlkit.sources.npy import NpySource
from tests.quick import ALONE
from tests.training.helpers import state_digest

X, Y = np.arange(24, dtype=np.float32).reshape(8, 3), np.arange(8) % 2


def save(folder: Path, **arrays: Any) -> NpySource:
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return NpySource(kind="npy", path=str(folder))


def problem(settings: NpySource, error: type[DlkitError] = RunError, *wanted: str) -> Problem:
    with pytest.raises(error) as caught:
        settings.open(wanted or ("*",))
    (found,) = caught.value.problems
    return found


def test_files_of_a_folder_are_columns_mapped_into_memory(tmp_path: Path) -> None:
    opened = save(tmp_path, x=X, y=Y, other=X[:3]).open(("x", "y"))
    assert opened.arrays is not None
    columns = opened.arrays("train")
    assert all(isinstance(array, np.memmap) for array in columns.values())
    assert (columns["x"] == X).all() and (columns["y"] == Y).all()
    assert opened.sizes == {"train": 8} and opened.others == ("other",)
    assert {n: (f.shape, f.dtype) for n, f in opened.fields.items()} == {"x": ((3,), "float32"), "y": ((), "int64")}


def test_ends_of_names_are_splits(tmp_path: Path) -> None:
    opened = save(tmp_path, x_test=X[:2], y_test=Y[:2], x_train=X, y_train=Y, x_val=X[:5], y_val=Y[:5], a_b=X)
    assert dict(opened.open(("x", "y")).sizes) == {"train": 8, "validation": 5, "test": 2}
    assert dict(opened.open(("a_b",)).sizes) == {"train": 8}


def test_columns_name_files_and_may_have_splits(tmp_path: Path) -> None:
    save(tmp_path, a=X, b=X[:2], y=Y)
    by_split = {"train": str(tmp_path / "a.npy"), "test": str(tmp_path / "b.npy")}
    settings = NpySource(kind="npy", columns={"x": by_split, "y": str(tmp_path / "y.npy")})
    assert dict(settings.open(("x",)).sizes) == {"train": 8, "test": 2}
    said = problem(settings, ConfigError, "x", "y")
    assert (said.code, said.key[-1]) == ("missing-file", "columns")
    assert said.message == "the column `y` has no file for the split `test`, and `x` has"


def test_relative_paths_of_columns_start_at_the_configuration(tmp_path: Path) -> None:
    save(tmp_path, x=X, y=Y)
    config = "name: a\ndata:\n  source: {kind: npy, columns: {x: x.npy, y: {train: y.npy}}}\n"
    config += "  inputs: {x: {kind: number}}\n  targets: {y: {kind: category}}\nmodel: {builder: mlp}\n"
    (tmp_path / "c.yaml").write_text(config)
    source = load(tmp_path / "c.yaml").config.data.source
    assert isinstance(source, NpySource)
    assert source.columns == {"x": str(tmp_path / "x.npy"), "y": {"train": str(tmp_path / "y.npy")}}


@pytest.mark.parametrize(
    ("given", "code"), [({}, "missing-key"), ({"path": ".", "columns": {"x": "x.npy"}}, "contradiction")]
)
def test_either_a_folder_or_files_are_named(given: dict[str, Any], code: str) -> None:
    data = {
        "source": {"kind": "npy", **given},
        "inputs": {"x": {"kind": "number"}},
        "targets": {"y": {"kind": "number"}},
    }
    with pytest.raises(ConfigError) as caught:
        from_mapping({"name": "t", "data": data, "model": {"builder": "mlp"}})
    assert [said.code for said in caught.value.problems] == [code]


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.array([{"a": 1}] * 8, object), "holds Python objects, which are never unpickled"),
        (np.float32(3), "holds a single value"),
        (np.zeros(8, [("a", "f4"), ("b", "i8")]), "holds records of several fields"),
    ],
)
def test_arrays_that_are_no_column(array: Any, says: str, tmp_path: Path) -> None:
    said = problem(save(tmp_path, x=array, y=Y))
    assert said.code == "field-type" and says in said.message and "x.npy" in said.message


def test_lengths_must_agree(tmp_path: Path) -> None:
    said = problem(save(tmp_path, x=X, y=Y[:5]))
    assert (said.code, "x.npy has 8, y.npy has 5" in said.message) == ("length-mismatch", True)


def test_two_files_of_one_column_are_refused(tmp_path: Path) -> None:
    said = problem(save(tmp_path, x=X, x_train=X), ConfigError)
    assert (said.code, "x.npy and x_train.npy are both" in said.message) == ("duplicate-column", True)


def test_what_is_not_there_names_its_neighbours(tmp_path: Path) -> None:
    save(tmp_path, digits=X)
    settings = NpySource(kind="npy", columns={"x": str(tmp_path / "digts.npy")})
    assert "did you mean `digits.npy`?" in problem(settings, ConfigError).help
    (tmp_path / "empty").mkdir()
    assert problem(NpySource(kind="npy", path=str(tmp_path / "empty")), ConfigError).code == "missing-file"
    assert problem(NpySource(kind="npy", path=str(tmp_path / "digits.npy")), ConfigError).code == "missing-file"


def test_damage_anywhere_is_noticed_or_is_in_the_numbers(tmp_path: Path) -> None:
    settings, path = save(tmp_path, x=X, y=Y), tmp_path / "x.npy"
    whole = path.read_bytes()
    for content in (b"", b"x,y\n1,2\n", whole[:4], whole[:50], whole[:-4]):
        path.write_bytes(content)
        said = problem(settings)
        assert said.code == "damaged-data" and str(path) in said.message
    np.savez(tmp_path / "z", x=X)
    (tmp_path / "z.npz").rename(path)
    assert "write `kind: npz`" in problem(settings).help
    for place in range(len(whole) - X.nbytes):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            opened = settings.open(("x", "y"))
        except DlkitError:
            continue
        assert opened.arrays is not None and len(opened.arrays("train")["x"]) == 8


def test_the_fingerprint_is_of_the_files(tmp_path: Path) -> None:
    settings = save(tmp_path, x=X, y=Y)
    first = settings.open(("x",)).fingerprint
    assert settings.open(("x",)).fingerprint == first
    np.save(tmp_path / "x.npy", X[:5])
    assert settings.open(("x",)).fingerprint != first


def test_a_run_on_mapped_arrays_is_that_on_arrays_in_memory(tmp_path: Path) -> None:
    save(tmp_path / "data", x=X, y=Y)
    config = {
        "name": "small",
        "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category"}}, "batch_size": 4},
        "model": {"builder": "mlp", "dense": [4]},
        "training": {"epochs": 2, **ALONE},
        "runtime": {"compile": "graph"},
    }
    held = dlkit.train(config, data=(X, Y), runs_folder=tmp_path / "held", verbose=False)
    config["data"]["source"] = {"kind": "npy", "path": str(tmp_path / "data")}
    mapped = dlkit.train(config, runs_folder=tmp_path / "mapped", verbose=False)
    assert state_digest(mapped.folder) == state_digest(held.folder)


def test_init_takes_a_folder_of_arrays(tmp_path: Path) -> None:
    save(tmp_path / "data", x=X, y=Y)
    guess = NpySource.guess(Asked(str(tmp_path / "data")))
    assert guess is not None and guess.settings == {"kind": "npy", "path": str(tmp_path / "data")}
    assert NpySource.guess(Asked(str(tmp_path / "data" / "x.npy"))) is None
