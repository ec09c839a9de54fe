"""A prepared set may come from anybody: what its files name is imported only where that was done before."""

import importlib
import json
import shutil
import sys

import pytest

from dlkit.config.problems import RunError
from dlkit.data.load import load_spec, load_splits
from tests.sources.shades import ROWS, problem_of, settings


def planted(prepared, folder, name, spelling="pythonClassName"):
    """A copy of the set whose feature `text` is of a class that a module of this name would have."""
    shutil.copytree(prepared / "shades", folder / "shades")
    (file,) = (folder / "shades").rglob("features.json")
    content = json.loads(file.read_text())
    feature = content["featuresDict"]["features"]["text"]
    del feature["pythonClassName"]
    feature[spelling] = name
    file.write_text(json.dumps(content))
    return file


@pytest.mark.parametrize("spelling", ["pythonClassName", "python_class_name", "type"])
@pytest.mark.parametrize("read", [load_splits, load_spec])
def test_a_prepared_set_makes_nothing_imported(prepared, tmp_path, monkeypatch, spelling, read):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "planted_features.py").write_text("raise SystemExit('imported')")
    file = planted(prepared, tmp_path, "planted_features.Thing", spelling)
    with pytest.raises(RunError) as refused:
        read(settings("shades/fine", tmp_path))
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("dataset-not-trusted", ("data", "source", "name"))
    assert str(file) in problem.message
    assert "`planted_features`" in problem.message
    assert "planted_features" not in sys.modules


def test_a_class_of_a_module_that_was_imported_is_taken(prepared, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "known_features.py").write_text(
        "import tensorflow_datasets as tfds\n\n\nclass Thing(tfds.features.Text):\n    pass\n"
    )
    planted(prepared, tmp_path, "known_features.Thing")
    importlib.import_module("known_features")
    assert load_splits(settings("shades/fine", tmp_path)).train.size == ROWS


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "\x00"])
def test_damaged_features_are_named(prepared, tmp_path, content):
    shutil.copytree(prepared / "shades", tmp_path / "shades")
    (file,) = (tmp_path / "shades").rglob("features.json")
    file.write_text(content)
    problem = problem_of(RunError, settings("shades/fine", tmp_path))
    assert problem.code == "damaged-data"
    assert str(file) in problem.message
