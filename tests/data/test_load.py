"""From a configuration to checked splits: what fits, what is refused, and in which words."""

import hashlib

import numpy as np
import pytest
import sklearn.datasets

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_spec, load_splits
from dlkit.schema.data import Data
from tests.data.loading import LABELS, MNIST, X, load, problem_of, set_at, settings


class TestMnist:
    def test_loads_with_its_spec_and_without_copies(self):
        splits = load_splits(Data.model_validate(MNIST))
        assert dict(splits.spec.sizes) == {"train": 54_000, "validation": 6000, "test": 10_000}
        image, label = splits.spec.inputs["image"], splits.spec.targets["label"]
        assert (image.shape, image.dtype) == ((28, 28, 1), "uint8")
        assert (label.shape, label.dtype, label.classes) == ((), "int32", tuple("0123456789"))
        train, validation = splits.train.arrays.inputs["image"], splits.validation.arrays.inputs["image"]
        assert train.base is not None
        assert train.base is validation.base
        assert train.dtype == np.uint8
        assert splits.train.arrays.targets["label"].dtype == np.int32

    def test_reading_by_number_gives_the_examples_of_those_numbers(self):
        splits = load_splits(Data.model_validate(MNIST))
        inputs, targets, *_ = splits.test.read(np.array([5, 0, 9999]))
        images, labels = (part[name] for part, name in zip(splits.test.arrays[:2], ("image", "label"), strict=True))
        assert (inputs["image"] == images[[5, 0, 9999]]).all()
        assert (targets["label"] == labels[[5, 0, 9999]]).all()

    def test_spec_is_known_without_reading(self, monkeypatch):
        monkeypatch.setattr("dlkit.bundled.reading.read_mnist", lambda split: pytest.fail("read examples"))
        spec = load_spec(Data.model_validate(MNIST))
        monkeypatch.undo()
        read = load_splits(Data.model_validate(MNIST)).spec
        assert (spec.inputs, spec.sizes) == (read.inputs, read.sizes)
        assert spec.targets["label"].feature == read.targets["label"].feature

    def test_default_splits_are_those_of_the_source(self):
        splits = load_splits(Data.model_validate({k: v for k, v in MNIST.items() if k != "splits"}))
        assert (splits.train.size, splits.validation, splits.test.size) == (60_000, None, 10_000)

    def test_the_fingerprint_is_of_the_bytes(self):
        first, second = (load_splits(Data.model_validate(MNIST)).fingerprint for _ in range(2))
        assert first == second
        assert set(first) == {"train", "validation", "test"}
        assert len(set(first.values())) == 3
        other = load_splits(
            Data.model_validate(MNIST | {"splits": {"train": "train[:89%]", "test": "test"}})
        ).fingerprint
        assert other["train"] != first["train"]
        assert other["test"] == first["test"]
        assert all(len(value) == len(hashlib.sha256().hexdigest()) for value in first.values())


@pytest.mark.parametrize("changed", [0, -1])
def test_the_fingerprint_notices_one_changed_number(changed):
    before = load(X, LABELS).fingerprint["train"]
    assert load(set_at(X, changed, 9), LABELS).fingerprint["train"] != before
    assert load(X, set_at(LABELS, changed, 1 - LABELS[changed] % 2)).fingerprint["train"] != before
    assert load(X.reshape(30, 2, 2), LABELS).fingerprint["train"] != before


class TestSplits:
    def test_all_mistakes_at_once(self):
        data = settings(splits={"train": "train[:150%]", "validation": "val", "test": "test["})
        with pytest.raises(ConfigError) as caught:
            load(X, LABELS, data)
        found = [(problem.code, problem.key[-1]) for problem in caught.value.problems]
        assert found == [("slice-out-of-range", "train"), ("unknown-split", "validation"), ("bad-slice", "test")]

    @pytest.mark.parametrize(
        ("train", "test", "shared"),
        [("train[:90%]", "train[80%:]", "3"), ("train", "train[:1]", "1"), ("test+train", "test", "5")],
    )
    def test_training_examples_may_not_be_evaluated_on(self, train, test, shared):
        data = settings(splits={"train": train, "test": test})
        problem = problem_of(ConfigError, X, LABELS, data, test=(X[:5], LABELS[:5]))
        assert (problem.code, problem.key) == ("overlapping-splits", ("data", "splits", "test"))
        assert problem.message.startswith(f"{shared} examples of test are training examples")

    def test_choosing_on_the_test_examples_is_noted(self):
        data = settings(splits={"train": "train", "validation": "test", "test": "test"})
        splits = load(X, LABELS, data, test=(X[:5], LABELS[:5]))
        assert any("validation and test share examples" in note for note in splits.notes)

    def test_an_empty_split(self):
        assert problem_of(ConfigError, X[:0], LABELS[:0]).code == "empty-split"
        assert problem_of(ConfigError, X, LABELS, test=(X[:0], LABELS[:0])).key == ("data", "splits", "test")

    def test_no_source(self):
        with pytest.raises(ConfigError, match="names no source"):
            load_splits(settings())


class TestInputs:
    def test_gray_images_get_a_channel_axis_and_stay_uint8(self):
        digits = sklearn.datasets.load_digits()
        data = settings(x={"kind": "image"})
        splits = load(digits.images.astype(np.uint8), digits.target, data)
        assert splits.spec.inputs["x"].shape == (8, 8, 1)
        assert splits.train.arrays.inputs["x"].dtype == np.uint8
        assert load(digits.images, digits.target, data).spec.inputs["x"].dtype == "float32"

    def test_real_tables(self):
        x, y = sklearn.datasets.load_breast_cancer(return_X_y=True)
        splits = load(x, y, settings(y={"kind": "binary", "classes": ["malignant", "benign"]}))
        assert splits.spec.inputs["x"].shape == (30,)
        assert splits.spec.targets["y"].classes == ("malignant", "benign")
        x, y = sklearn.datasets.load_diabetes(return_X_y=True)
        target = load(x, y, settings(y={"kind": "number"})).spec.targets["y"]
        assert (target.shape, target.dtype) == ((), "float32")

    def test_a_series_with_one_value_a_step_gets_an_axis(self):
        splits = load(X, LABELS, settings(x={"kind": "sequence"}))
        assert splits.train.arrays.inputs["x"].shape == (30, 4, 1)
        assert load(X.reshape(30, 2, 2), LABELS, settings(x={"kind": "sequence"})).spec.inputs["x"].shape == (2, 2)

    def test_wrong_rank(self):
        problem = problem_of(ConfigError, X, LABELS, settings(x={"kind": "image"}))
        assert (problem.code, problem.key) == ("shape-mismatch", ("data", "inputs", "x"))
        assert "height, width, channels" in problem.message

    def test_arrays_of_batches_are_said_to_be_reshaped(self):
        data = settings(x={"kind": "image"}, y={"kind": "binary"})
        with pytest.raises(ConfigError) as caught:
            load(X.reshape(3, 10, 2, 2, 1), np.zeros((3, 10)), data)
        x, y = (problem.help for problem in caught.value.problems)
        assert "`x.reshape(-1, *x.shape[2:])`" in x
        assert "`y.reshape(-1)`" in y
        assert "`y.argmax(axis=1)`" in y

    def test_a_shape_that_contradicts_the_data(self):
        problem = problem_of(ConfigError, X, LABELS, settings(x={"shape": [5]}))
        assert (problem.code, problem.key) == ("shape-mismatch", ("data", "inputs", "x", "shape"))
        assert "says [5]" in problem.message
        assert "shape [4]" in problem.message
        assert load(X, LABELS, settings(x={"shape": [4]})).spec.inputs["x"].shape == (4,)

    def test_splits_of_different_shape(self):
        problem = problem_of(RunError, X, LABELS, test=(X[:5, :3], LABELS[:5]))
        assert problem.code == "shape-mismatch"
        assert "test: column `x`" in problem.message

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_not_a_number_is_found(self, value):
        problem = problem_of(RunError, X, LABELS, test=(set_at(set_at(X, 17, value), 20, value), LABELS))
        assert (problem.code, problem.key) == ("not-finite", ("data", "inputs", "x"))
        assert "test: column `x`: 2 of 30 rows" in problem.message
        assert "row 17 of `test`" in problem.message

    def test_rows_are_counted_as_in_the_source(self):
        data = settings(splits={"train": "train[20:]+test[:5]"})
        assert "row 25 of `train`" in problem_of(RunError, set_at(X, 25, np.nan), LABELS, data, (X, LABELS)).message
        assert "row 3 of `test`" in problem_of(RunError, X, LABELS, data, (set_at(X, 3, np.nan), LABELS)).message

    def test_numbers_too_large_for_float32(self):
        assert "too large for float32" in problem_of(RunError, set_at(X.astype(float), 3, 1e300), LABELS).message

    def test_text_and_complex_numbers_are_refused(self):
        assert problem_of(ConfigError, X.astype(str), LABELS).code == "field-type"
        assert problem_of(ConfigError, X.astype(complex), LABELS).code == "field-type"


def test_fields_may_have_other_names_than_inputs_and_targets():
    data = settings(x={"column": "measured"}, y={"column": "species"})
    splits = load_splits(data, given={"train": ({"measured": X}, {"species": LABELS})})
    assert list(splits.train.arrays.inputs) == ["x"]
    with pytest.raises(ConfigError) as caught:
        load_splits(data, given={"train": ({"measure": X}, {"specis": LABELS})})
    assert [(p.code, p.key[1:], p.help) for p in caught.value.problems] == [
        ("unknown-column", ("inputs", "x", "column"), "did you mean `measure`? its columns are `measure`, `specis`"),
        ("unknown-column", ("targets", "y", "column"), "did you mean `specis`? its columns are `measure`, `specis`"),
    ]


def test_data_that_is_wrong_in_several_places_is_reported_once():
    with pytest.raises(RunError) as caught:
        load(set_at(X, 1, np.nan), LABELS + 0.5)
    assert [problem.code for problem in caught.value.problems] == ["not-finite", "labels-not-integers"]


@pytest.mark.parametrize(
    ("x", "y", "known"),
    [
        ({"shape": [4]}, {"classes": 3}, True),
        ({"shape": [4]}, {"kind": "binary"}, True),
        ({"kind": "image", "shape": [8, 8]}, {"classes": ["a", "b"]}, True),
        ({}, {"classes": 3}, False),
        ({"shape": [4]}, {}, False),
    ],
)
def test_spec_without_data_is_what_the_configuration_states(x, y, known, tmp_path):
    data = settings(x, y, source={"kind": "npz", "path": str(tmp_path / "absent.npz")})
    spec = load_spec(data)
    assert (spec is not None) == known
    if spec is not None:
        assert spec.inputs["x"].shape in ((4,), (8, 8, 1))
