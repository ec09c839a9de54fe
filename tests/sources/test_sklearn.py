"""The sets of scikit-learn: columns, classes, rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.sources.sklearn import SklearnSource

SETS = ["breast_cancer", "diabetes", "digits", "iris", "wine"]


@pytest.mark.parametrize("name", SETS)
def test_columns_are_those_of_scikit_learn(name: str) -> None:
    theirs = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    data = SklearnSource.model_validate({"kind": "sklearn", "name": name}).open(("*",))
    assert data.arrays is not None
    ours = data.arrays("train")
    np.testing.assert_array_equal(np.column_stack([ours[str(n)] for n in theirs.feature_names]), theirs.data)
    np.testing.assert_array_equal(ours["target"], theirs.target)
    assert data.fields["target"].classes == tuple(map(str, theirs.get("target_names", ())))
    assert data.sizes == {"train": len(theirs.target)}
    assert not ours["target"].flags.writeable


def test_digits_are_images_too() -> None:
    data = {
        "source": {"kind": "sklearn", "name": "digits"},
        "splits": {"train": "train[:80%]", "test": "train[80%:]"},
        "inputs": {"image": {"kind": "image"}},
        "targets": {"digit": {"kind": "category", "column": "target"}},
    }
    spec = load_splits(Data.model_validate(data)).spec
    assert (spec.inputs["image"].shape, spec.inputs["image"].feature.dtype) == ((8, 8, 1), "uint8")
    assert spec.targets["digit"].classes == tuple("0123456789")


def test_a_pattern_takes_every_feature_and_not_the_target() -> None:
    data = {
        "source": {"kind": "sklearn", "name": "iris"},
        "inputs": {"x": {"kind": "number", "columns": "*"}},
        "targets": {"species": {"kind": "category", "column": "target"}},
    }
    spec = load_splits(Data.model_validate(data)).spec
    assert spec.inputs["x"].shape == (4,)
    assert spec.targets["species"].classes == ("setosa", "versicolor", "virginica")
