"""Functions of the user's own as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlkit.config import trust
from dlkit.config.problems import ConfigError, DlkitError
from dlkit.data.contract import Stream
from dlkit.data.load import load_splits
from dlkit.schema.loader import Loaded, load, load_run_config

MODULE = """
import numpy as np
import pyarrow as pa
import tensorflow as tf
from pathlib import Path
Path(__file__).with_suffix(".imported").touch()

def rows(count):
    return np.arange(count * 3.0).reshape(count, 3), np.arange(count) % 2

def by_split(*, count=6):
    return {"train": rows(count), "test": rows(2)}

def pair(count):
    return rows(count)

def columns(count=6):
    x, y = rows(count)
    return {"x": x, "y": y}

def generator(count=6):
    yield from zip(*rows(count))

def generators(count=6):
    return {"train": generator(count), "test": generator(2)}

def stream(count=6):
    return tf.data.Dataset.from_tensor_slices(rows(count))

def frame(count=6):
    x, y = rows(count)
    return pa.table({"x": x[:, 0], "y": y})

def broken():
    raise ValueError("no disk")

def nothing():
    return None

def five():
    return 5

number = 3

class Made:
    @staticmethod
    def pair():
        return rows(6)
"""


@pytest.fixture(autouse=True)
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has named no module yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trust, "_of_this_process", set())


def written(folder: Path, source: str) -> Path:
    """A configuration with this source, and the module beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "my_data.py").write_text(MODULE)
    config = folder / "config.yaml"
    config.write_text(
        f"name: own\ndata:\n  source: {{kind: python, {source}}}\n"
        "  inputs: {x: {kind: number}}\n  targets: {y: {kind: category, classes: 2}}\nmodel: {builder: mlp}\n"
    )
    return config


def splits_of(loaded: Loaded) -> Any:
    return load_splits(loaded.config.data)


def problem(config: Path) -> Any:
    with pytest.raises(DlkitError) as caught:
        loaded = load(config)
        with loaded.locating():
            splits_of(loaded)
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("source", "sizes"),
    [
        ("function: 'my_data:by_split'", {"train": 6, "test": 2}),
        ("function: 'my_data.py:by_split', arguments: {count: 8}", {"train": 8, "test": 2}),
        ("function: 'my_data:pair', arguments: {count: 5}", {"train": 5}),
        ("function: 'my_data:columns'", {"train": 6}),
        ("function: 'my_data:generator'", {"train": 6}),
        ("function: 'my_data:generators'", {"train": 6, "test": 2}),
        ("function: 'my_data:stream'", {"train": 6}),
        ("function: 'my_data:frame'", {"train": 6}),
        ("function: 'my_data:Made.pair'", {"train": 6}),
    ],
)
def test_what_a_function_returns(tmp_path: Path, source: str, sizes: dict[str, int]) -> None:
    splits = splits_of(load(written(tmp_path, source)))
    assert dict(splits.spec.sizes) == sizes
    assert isinstance(splits.train, Stream) == ("stream" in source)


def test_loading_a_configuration_imports_nothing(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, "function: 'my_data:by_split'"))
    assert not (tmp_path / "my_data.imported").exists()
    assert f"{tmp_path / 'my_data.py'}:by_split" in loaded.to_yaml()
    splits_of(loaded)
    assert (tmp_path / "my_data.imported").exists()


@pytest.mark.parametrize(
    ("source", "code", "key", "says"),
    [
        ("function: 'my_dta:by_split'", "plugin-not-found", "function", "there is no plug-in module `my_dta`"),
        ("function: 'my_data:by_splt'", "no-function", "function", "has no function `by_splt`"),
        ("function: 'my_data:number'", "no-function", "function", "is no function, but int"),
        ("function: 'my_data:pair'", "function-arguments", "arguments", "missing a required argument: 'count'"),
        ("function: 'my_data:pair', arguments: {counts: 3}", "function-arguments", "arguments", "'count'"),
        ("function: 'my_data:broken'", "function-failed", "function", "failed: ValueError: no disk"),
        ("function: 'my_data:five'", "given-data", "function", "is given as int"),
        ("function: 'my_data'", "invalid-value", "function", "module:function"),
    ],
)
def test_what_goes_wrong_is_named(tmp_path: Path, source: str, code: str, key: str, says: str) -> None:
    found = problem(written(tmp_path, source))
    assert (found.code, found.key) == (code, ("data", "source", key))
    assert says in f"{found.message} {found.label} {found.help}"
    assert found.location is not None


def test_nothing_is_no_data(tmp_path: Path) -> None:
    found = problem(written(tmp_path, "function: 'my_data:nothing'"))
    assert (found.code, "NoneType" in found.message) == ("given-data", True)


def test_the_function_of_a_run_of_others_is_not_called(tmp_path: Path) -> None:
    config = written(tmp_path / "run", "function: 'my_data:by_split'")
    with pytest.raises(ConfigError) as refused:
        load_run_config(config)
    (found,) = refused.value.problems
    assert (found.code, found.key) == ("plugin-not-trusted", ("data", "source", "function"))
    assert found.location is not None and found.location.line == 3
    assert splits_of(load_run_config(config, trust=True)).train.size == 6
    with pytest.raises(ConfigError):
        load_run_config(config)


def test_a_function_that_the_user_has_named_is_known_for_any_run(tmp_path: Path) -> None:
    own = load(written(tmp_path / "own", "function: 'my_data:by_split'"))
    run = tmp_path / "run.yaml"
    run.write_text(own.to_yaml())
    trust._of_this_process.clear()  # another process
    assert splits_of(load_run_config(run)).train.size == 6
