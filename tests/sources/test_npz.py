"""Arrays in an .npz file, and what is said of files that are not what they should be."""

import numpy as np
import pytest

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.sources.npz import NpzSource

X, Y = np.arange(24, dtype=np.float32).reshape(8, 3), np.arange(8) % 2


def save(path, **arrays):
    np.savez(path, **arrays)
    return NpzSource(kind="npz", path=str(path))


def problem_of(error, settings, wanted=("x", "y")):
    with pytest.raises(error) as caught:
        settings.open(wanted)
    (problem,) = caught.value.problems
    assert problem.key == ("data", "source", "path")
    return problem


def test_arrays_by_split_and_field(tmp_path):
    source = save(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2], other=X).open(["x", "y"])
    assert source.sizes == {"train": 8, "test": 2}
    assert {name: (field.shape, field.dtype) for name, field in source.fields.items()} == {
        "x": ((3,), "float32"),
        "y": ((), "int64"),
    }
    assert (source.arrays("test")["x"] == X[:2]).all()


def test_a_field_whose_name_begins_like_another(tmp_path):
    settings = save(tmp_path / "a.npz", x_train=X, y_train=Y, x_raw_train=X + 1, x_raw_test=X[:1])
    assert dict(settings.open(["x", "y"]).sizes) == {"train": 8}


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": X, "y_train": Y, "x_test": X}, ["`y_test`", "did you mean"]),
        ({"x_train": X, "y_trian": Y}, ["`y_train`", "did you mean `y_trian`?"]),
        ({"images": X, "labels": Y}, ["`x_train`, `y_train`", "`images`, `labels`", "<column>_<split>"]),
    ],
)
def test_missing_arrays_are_listed_with_the_nearest(tmp_path, arrays, says):
    problem = problem_of(ConfigError, save(tmp_path / "a.npz", **arrays))
    expected = f"{problem.message} {problem.help}".replace("a.npz has", "it has")
    assert problem.code == "npz-names"
    assert all(words in expected for words in says), expected


def test_arrays_that_name_no_split_are_refused_with_what_to_do(tmp_path):
    problem = problem_of(ConfigError, save(tmp_path / "a.npz", x=X, y=Y), wanted=())
    assert problem.code == "npz-names"
    assert all(words in problem.help for words in ("`x`, `y`", "`x_train`", ".npy"))


def test_a_column_that_no_array_has_is_reported_where_it_is_named(tmp_path):
    source = {"kind": "npz", "path": str(tmp_path / "a.npz")}
    np.savez(tmp_path / "a.npz", x_train=X, age_train=Y, income_train=Y, x_test=X, age_test=Y, income_test=Y)
    inputs = {"x": {"kind": "number", "columns": ["x", "incom"]}}
    data = {"source": source, "inputs": inputs, "targets": {"y": {"kind": "category", "column": "agee"}}}
    with pytest.raises(ConfigError) as caught:
        load_splits(Data.model_validate(data))
    by_key = {problem.key: problem for problem in caught.value.problems}
    assert set(by_key) == {("data", "inputs", "x", "columns", 1), ("data", "targets", "y", "column")}
    assert "did you mean `income`?" in by_key["data", "inputs", "x", "columns", 1].help
    assert "did you mean `age`?" in by_key["data", "targets", "y", "column"].help


def test_lengths_must_agree(tmp_path):
    problem = problem_of(RunError, save(tmp_path / "a.npz", x_train=X, y_train=Y[:5]))
    assert problem.code == "length-mismatch"
    assert "`x_train` has 8, `y_train` has 5" in problem.message


def test_objects_are_not_unpickled(tmp_path):
    objects = np.array([{"a": 1}] * 8, object)
    problem = problem_of(RunError, save(tmp_path / "a.npz", x_train=objects, y_train=Y))
    assert problem.code == "field-type"
    assert "never unpickled" in problem.message


def test_a_missing_file_names_its_neighbours(tmp_path):
    save(tmp_path / "digits.npz", x_train=X)
    problem = problem_of(ConfigError, NpzSource(kind="npz", path=str(tmp_path / "digts.npz")))
    assert (problem.code, problem.help) == ("missing-file", "did you mean `digits.npz`? the folder has `digits.npz`")
    assert problem_of(ConfigError, NpzSource(kind="npz", path=str(tmp_path / "no" / "a.npz"))).code == "missing-file"
    assert problem_of(ConfigError, NpzSource(kind="npz", path=str(tmp_path))).code == "missing-file"


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", b"\x80\x04\x95", b"PK\x03\x04 but no archive"])
def test_what_is_no_npz_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert problem_of(RunError, NpzSource(kind="npz", path=str(path))).code in ("not-npz", "damaged-data")


def test_a_single_npy_is_no_npz(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, X)
    assert problem_of(RunError, NpzSource(kind="npz", path=str(path))).code == "not-npz"


def test_damage_anywhere_in_a_file_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "a.npz"
    save(path, x_train=X, y_train=Y)
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:cut])
        assert problem_of(RunError, NpzSource(kind="npz", path=str(path))).code in ("not-npz", "damaged-data")
    noticed = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            arrays = NpzSource(kind="npz", path=str(path)).open(["x", "y"]).arrays("train")
        except (RunError, ConfigError):
            noticed += 1
        else:
            assert (arrays["x"] == X).all()
            assert (arrays["y"] == Y).all()
    assert noticed > 50
