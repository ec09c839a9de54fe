"""Examples from Python: arrays, dictionaries, tf.data, and the functions of plug-ins."""

import numpy as np
import pytest
import tensorflow as tf

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.contract import Stream
from dlkit.data.load import load_splits
from dlkit.schema import loader
from dlkit.schema.data import Data
from dlkit.schema.function_settings import settings_class
from dlkit.schema.source import SOURCES

X = np.random.default_rng(0).random((20, 4))
Y = np.arange(20) % 3


def settings(**changes):
    section = {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category"}}}
    return Data.model_validate(section | changes)


def problem_of(given, data=None, error=RunError, **more):
    with pytest.raises(error) as caught:
        load_splits(data or settings(), given=given, **more)
    return caught.value.problems[0]


def rows(dataset):
    return [(x["x"].tolist(), int(y["y"])) for x, y, _ in dataset.as_numpy_iterator()]


def test_pairs_of_arrays_by_split():
    splits = load_splits(settings(), given={"train": (X, Y), "test": (X[:5], Y[:5])})
    assert dict(splits.spec.sizes) == {"train": 20, "test": 5}
    inputs, targets, *_ = splits.train.arrays
    assert inputs["x"].dtype == np.float32
    assert np.allclose(inputs["x"], X)
    assert targets["y"].dtype == np.int32
    assert splits.validation is None


def test_a_pair_alone_is_for_training_and_may_be_cut():
    data = settings(splits={"train": "train[:80%]", "validation": "train[80%:]"})
    splits = load_splits(data, given=(X.tolist(), tf.constant(Y)))
    assert (splits.train.size, splits.validation.size) == (16, 4)


def test_several_inputs_go_by_name():
    data = settings(inputs={"a": {"kind": "number"}, "b": {"kind": "number", "column": "second"}})
    splits = load_splits(data, given={"train": ({"a": X, "second": X[:, 0]}, Y)})
    assert {name: feature.shape for name, feature in splits.spec.inputs.items()} == {"a": (4,), "b": (1,)}


def test_arrays_are_not_copied():
    x, y = X.astype(np.float32), Y.astype(np.int32)
    splits = load_splits(settings(splits={"train": "train[5:]", "test": "train[:5]"}), given=(x, y))
    for split in (splits.train, splits.test):
        assert np.shares_memory(split.arrays.inputs["x"], x)
        assert np.shares_memory(split.arrays.targets["y"], y)


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"train": (X, Y[:7])}, "length-mismatch", "`x` has 20, `y` has 7"),
        ({"train": X}, "given-data", "ndarray"),
        ({}, "given-data", "no splits"),
        ({"train": ([["a", "b"], ["c"]], [0, 1])}, "given-data", "rows that differ in length"),
        ({"train": (X, Y), "test": ({"x": X, "z": X}, Y)}, "given-data", "fields"),
        ({"train": (1.0, 2)}, "given-data", "float"),
    ],
)
def test_other_things_are_refused(given, code, says):
    problem = problem_of(given)
    assert (problem.code, problem.key) == (code, ("data",))
    assert says in problem.message


def test_one_array_for_two_inputs_is_refused():
    data = settings(inputs={"a": {"kind": "number"}, "b": {"kind": "number"}})
    assert "a, b" in problem_of((X, Y), data).help


def test_no_training_split():
    problem = problem_of({"training": (X, Y)}, error=ConfigError)
    assert (problem.code, problem.key) == ("unknown-split", ("data", "splits", "train"))
    assert "did you mean `training`?" in problem.help


def test_tf_data_is_a_stream_in_a_seeded_order():
    dataset = tf.data.Dataset.from_tensor_slices((X, Y))
    splits = load_splits(settings(targets={"y": {"kind": "category", "classes": 3}}), given={"train": dataset})
    assert isinstance(splits.train, Stream)
    assert splits.train.size == 20
    own = rows(splits.train.make(7, -1))
    assert [y for _, y in own] == Y.tolist()
    first = rows(splits.train.make(7, 0))
    assert first == rows(splits.train.make(7, 0))
    assert sorted(first) == sorted(own)
    assert first != own
    assert first != rows(splits.train.make(7, 1))
    assert first != rows(splits.train.make(8, 0))


def test_tf_data_of_known_size_can_be_cut():
    dataset = tf.data.Dataset.from_tensor_slices(({"x": X}, Y))
    data = settings(
        splits={"train": "train[:50%]+train[90%:]", "test": "train[50%:60%]"},
        targets={"y": {"kind": "category", "classes": 3}},
    )
    splits = load_splits(data, given=dataset)
    assert splits.train.size == 12
    assert [y for _, y in rows(splits.train.make(0, -1))] == [*Y[:10], *Y[18:]]
    assert [y for _, y in rows(splits.test.make(0, -1))] == [*Y[10:12]]


def test_tf_data_of_unknown_size_cannot_be_cut():
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: y < 2)
    data = settings(targets={"y": {"kind": "category", "classes": 3}})
    assert load_splits(data, given=dataset).train.size is None
    cut = data.model_copy(update={"splits": settings(splits={"train": "train[:50%]"}).splits})
    assert problem_of(dataset, cut, ConfigError).code == "slice-needs-size"


def test_tf_data_needs_stated_classes():
    problem = problem_of(tf.data.Dataset.from_tensor_slices((X, Y)), error=ConfigError)
    assert (problem.code, problem.key) == ("classes-unknown", ("data", "targets", "y", "classes"))


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_a_batched_dataset_is_recognised(drop_remainder):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(5, drop_remainder)
    problem = problem_of(dataset, settings(targets={"y": {"kind": "category", "classes": 3}}), ConfigError)
    assert "unbatch()" in problem.help


def test_an_endless_dataset_is_refused():
    assert "never ends" in problem_of(tf.data.Dataset.from_tensor_slices((X, Y)).repeat()).message


def test_a_wrong_label_stops_a_stream_with_a_message():
    data = settings(targets={"y": {"kind": "category", "classes": 2}})
    splits = load_splits(data, given=tf.data.Dataset.from_tensor_slices((X, Y)))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"target y: a label is outside 0\.\.1"):
        list(splits.train.make(0, -1))


def from_plugin(function, **more):
    """The splits of a configuration whose source is a function of a plug-in."""
    source = settings_class(SOURCES, "blobs", function)(kind="blobs", **more)
    return load_splits(settings().model_copy(update={"source": source}))


def test_a_plugin_gets_its_settings_and_gives_arrays():
    def blobs(*, rows: int, dims: int = 4):
        return {"train": {"x": np.ones((rows, dims)), "y": np.arange(rows) % 2}}

    splits = from_plugin(blobs, rows=6, dims=2)
    assert splits.spec.inputs["x"].shape == (2,)
    assert splits.train.size == 6


def test_a_plugin_named_in_a_configuration(tmp_path):
    (tmp_path / "blobs_for_dlkit.py").write_text(
        "import numpy as np\n"
        "def blobs(*, rows: int, dims: int = 4):\n"
        "    return {'train': {'x': np.ones((rows, dims)), 'y': np.arange(rows) % 2}}\n"
        "sources = {'blobs': blobs}\n"
    )
    config = tmp_path / "blobs.yaml"
    config.write_text(
        "name: blobs\nplugins: [blobs_for_dlkit]\n"
        "data:\n  source: {kind: blobs, rows: 6}\n"
        "  inputs: {x: {kind: number}}\n  targets: {y: {kind: category}}\n"
        "model: {builder: mlp}\n"
    )
    loaded = loader.load(config)
    splits = load_splits(loaded.config.data)
    assert (splits.train.size, splits.spec.inputs["x"].shape) == (6, (4,))


def test_a_plugin_that_fails_is_named():
    with pytest.raises(RunError) as caught:
        from_plugin(lambda *, rows: 1 / 0, rows=6)
    (problem,) = caught.value.problems
    assert problem.code == "plugin-source-failed"
    assert "`blobs` failed: ZeroDivisionError" in problem.message
    with pytest.raises(RunError, match="returned list, not examples"):
        from_plugin(lambda: [1])


def test_an_unknown_kind_of_source(tmp_path):
    (tmp_path / "more.py").write_text("def blobs(*, rows: int): ...\nsources = {'blobs': blobs}\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        "name: blobs\nplugins: [more]\ndata:\n  source: {kind: bloobs, rows: 6}\n"
        "  inputs: {x: {kind: number}}\n  targets: {y: {kind: category}}\nmodel: {builder: mlp}\n"
    )
    with pytest.raises(ConfigError) as caught:
        loader.load(config)
    (problem,) = caught.value.problems
    assert (problem.code, problem.key) == ("unknown-choice", ("data", "source", "kind"))
    assert problem.label == "did you mean `blobs`?"


def test_the_fingerprint_of_a_stream_is_of_its_name_slice_and_fields():
    def fingerprint(x, slices="train"):
        data = settings(targets={"y": {"kind": "category", "classes": 3}}, splits={"train": slices})
        return load_splits(data, given=tf.data.Dataset.from_tensor_slices((x, Y))).fingerprint["train"]

    assert fingerprint(X) == fingerprint(X)
    assert len({fingerprint(X), fingerprint(X[:, :2]), fingerprint(X, "train[:50%]"), fingerprint(X > 0.5)}) == 4
