"""Data of thirty examples, loaded as a configuration says."""

import numpy as np
import pytest

from dlkit.config.problems import ConfigError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data

X = np.random.default_rng(1).random((30, 4)).astype(np.float32)
LABELS = np.arange(30) % 3
MNIST = {
    "source": {"kind": "bundled", "name": "mnist"},
    "splits": {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"},
    "inputs": {"image": {"kind": "image"}},
    "targets": {"label": {"kind": "category"}},
}


def settings(x=None, y=None, **more):
    section = {"inputs": {"x": {"kind": "number"} | (x or {})}, "targets": {"y": {"kind": "category"} | (y or {})}}
    return Data.model_validate(section | more)


def load(x, y, data=None, test=None):
    return load_splits(data or settings(), given={"train": (x, y)} | ({"test": test} if test else {}))


def problem_of(error, *args, **more):
    with pytest.raises(error) as caught:
        load(*args, **more)
    assert caught.value.exit_status == (2 if error is ConfigError else 1)
    return caught.value.problems[0]


def set_at(array, row, value):
    changed = np.array(array, copy=True)
    changed[row] = value
    return changed
