"""`kind: sequence` of unequal lengths: padding, masks, cut ends, and what is refused."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.models.build import build
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import SourceField
from tests.quick import ALONE

LENGTHS = np.random.default_rng(1).integers(2, 9, 60)
RAGGED = [np.random.default_rng(n).normal(size=(length, 2)).astype("float32") for n, length in enumerate(LENGTHS)]
Y = np.array([item[-1, 0] > 0 for item in RAGGED]).astype("int32")


def padded(steps: int) -> np.ndarray:
    """The sequences in an array of this many steps."""
    array = np.full((len(RAGGED), steps, 2), np.nan, np.float32)
    for row, item in zip(array, RAGGED, strict=True):
        row[: len(item)] = item[:steps]
    return array


def config(model: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A small network over one sequence."""
    data = {"inputs": {"x": {"kind": "sequence", **settings}}, "targets": {"y": {"kind": "binary"}}}
    data["batch_size"] = 30
    model = model or {"builder": "rnn", "cell": "gru", "units": [5, 4]}
    training = {"epochs": 1, **ALONE}
    return {"name": "ragged", "data": data, "model": model, "training": training, "runtime": {"compile": "graph"}}


def load(train: Any, test: Any = None, **settings: Any) -> Any:
    """The splits of some sequences."""
    given = {"train": (train, np.arange(len(train)) % 2)}
    if test is not None:
        given["test"] = (test, np.arange(len(test)) % 2)
    return load_splits(from_mapping(config(**settings), needs_source=False).config.data, given=given)


def test_a_list_of_unequal_arrays_is_padded_and_as_long_as_the_longest():
    splits = load(RAGGED)
    feature = splits.spec.inputs["x"].feature
    assert (feature.shape, feature.ragged) == ((8, 2), True)
    np.testing.assert_array_equal(splits.train.arrays.inputs["x"], padded(8))
    assert any("2 to 8 steps long" in note for note in splits.notes)


def test_too_much_padding_is_cut_off_and_a_stated_length_pads_and_cuts():
    assert load(padded(20)).train.arrays.inputs["x"].shape == (60, 8, 2)
    assert load(padded(8), length=11).train.arrays.inputs["x"].shape == (60, 11, 2)
    cut = load(padded(8), length=5)
    np.testing.assert_array_equal(cut.train.arrays.inputs["x"], padded(5))
    longer = int((LENGTHS > 5).sum())
    assert any(note.startswith(f"train: {longer} of 60 sequences of `x` are longer than 5") for note in cut.notes)


def test_sequences_of_a_test_that_are_longer_than_those_of_training_are_cut_and_counted():
    short = np.where(np.arange(8)[None, :, None] < 4, padded(8), np.nan)
    notes = load(short, padded(8)).notes
    assert any(note.startswith("test: ") and "longer than 4 steps" in note for note in notes)


def test_sequences_without_nan_are_as_before():
    feature = load(np.zeros((10, 6, 2))).spec.inputs["x"].feature
    assert (feature.shape, feature.ragged) == ((6, 2), False)


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [((7, slice(None)), np.nan, "empty-sequence"), ((7, 0), np.nan, "nan-inside"), ((7, 0, 1), np.nan, "nan-inside"),
     ((7, 0, 1), np.inf, "not-finite")],
    ids=["padding alone", "a whole step inside", "one channel", "infinity"],
)  # fmt: skip
def test_holes_are_refused_with_the_row(place: Any, value: float, code: str):
    wrong = padded(8)
    wrong[place] = value
    with pytest.raises(RunError, match="row 7") as refused:
        load(wrong)
    assert refused.value.problems[0].code == code


@pytest.mark.parametrize(
    "model",
    [{"builder": "mlp", "dense": [4]}]
    + [{"builder": "rnn", "cell": cell, "units": [5, 4], "bidirectional": both}
       for cell in ("lstm", "gru", "simple_rnn") for both in (False, True)],
    ids=str,
)  # fmt: skip
def test_results_do_not_depend_on_the_amount_of_padding(model: dict[str, Any]):
    outputs = []
    weights = None
    for length in (8, 13):
        loaded = from_mapping(config(model, length=length, preprocess=[]), needs_source=False).config
        built = build(loaded, load_splits(loaded.data, given=(padded(8), Y)).spec).model
        weights = weights or built.get_weights()
        built.set_weights(weights)
        raw = np.pad(padded(8), [(0, 0), (0, length - 8), (0, 0)], constant_values=np.nan)
        outputs.append(np.asarray(built(raw)))
    np.testing.assert_allclose(*outputs, atol=1e-6)
    # Without its padding a sequence gives the same, alone.
    loaded = from_mapping(config(model, preprocess=[], length=int(LENGTHS[0])), needs_source=False).config
    alone = build(loaded, load_splits(loaded.data, given=(padded(8), Y)).spec).model
    alone.set_weights(weights)
    np.testing.assert_allclose(alone(RAGGED[0][None]), outputs[0][:1], atol=1e-6)


def test_a_run_over_padded_sequences_gives_its_figures_in_plain_keras(tmp_path: Any):
    given = dict.fromkeys(("train", "test"), (RAGGED, Y))
    run = dlkit.train(config(), data=given, runs_folder=tmp_path, verbose=False)
    model = keras.saving.load_model(run.folder / "model.keras")
    found = model.evaluate(padded(8), Y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(run.test["loss"], rel=1e-5)


def test_examples_of_a_stream_are_padded_to_the_stated_length():
    signature = (tf.TensorSpec((None, 2), tf.float32), tf.TensorSpec((), tf.int32))
    stream = tf.data.Dataset.from_generator(lambda: zip(RAGGED, Y, strict=True), output_signature=signature)
    data = from_mapping(config(length=6), needs_source=False).config.data
    splits = load_splits(data, given={"train": stream})
    found = np.stack([inputs["x"].numpy() for inputs, *_ in splits.train.make(0, -1)])  # type: ignore[union-attr]
    np.testing.assert_array_equal(found, padded(6))


def stream(**settings: Any) -> tuple[Any, list[str]]:
    """The training split of a stream of sequences of unequal lengths, and notes."""
    data = from_mapping(config(**settings), needs_source=False).config.data
    types = (tf.TensorSpec((None, 2)), tf.TensorSpec((), tf.int32))
    train = tf.data.Dataset.from_generator(lambda: zip(RAGGED, Y, strict=True), output_signature=types)
    splits = load_splits(data, given={"train": train})
    return splits.train, list(fit_and_stage(splits)[0].notes)


@pytest.mark.parametrize("wrong", [[1.0, np.nan, 2.0], [np.nan, np.nan]])
def test_a_stream_stops_at_a_sequence_of_padding_or_with_a_hole(wrong: list[float]) -> None:
    settings = from_mapping(config(length=4), needs_source=False).config.data.inputs["x"]
    feature = settings.feature("x", SourceField((None, 1), "float32"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="input x: a sequence is padding alone, or has NaN"):
        settings.example(tf.constant(wrong)[:, tf.newaxis], feature)
    right = settings.example(tf.constant([[1.0], [np.nan]]), feature)
    np.testing.assert_array_equal(right[:, 0], [1, np.nan, np.nan, np.nan])


def test_a_stream_of_unequal_lengths_needs_a_length_and_says_that_cuts_are_not_counted() -> None:
    with pytest.raises(ConfigError) as refused:
        stream()
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("shape-unknown", ("data", "inputs", "x"))
    assert "state `length:`" in problem.help
    train, notes = stream(length=5)
    assert "input `x`: sequences longer than 5 steps are cut, and not counted, since the data are a stream" in notes
    assert {tuple(x["x"].shape) for x, *_ in train.make(0, -1)} == {(5, 2)}
