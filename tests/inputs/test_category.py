"""`kind: category`: vocabularies, unknown values, embeddings, and what the saved model takes."""

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
from dlkit.data.preprocessing import make_preprocessing
from dlkit.schema.loader import from_mapping
from dlkit.schema.source import SourceField
from tests.quick import ALONE

RANDOM = np.random.default_rng(0)
JOBS = np.array([f"job {n}" for n in range(20)])
JOB, CITY = JOBS[RANDOM.integers(0, 20, 300)], np.array(["Bonn", "Köln", "Ulm"])[RANDOM.integers(0, 3, 300)]
Y = (CITY == "Ulm").astype("int32")


def config(model: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A network over one input of categories."""
    data = {"inputs": {"words": {"kind": "category", **settings}}, "targets": {"y": {"kind": "binary"}}}
    # Whole batches alone are traced once.
    data["batch_size"] = 30
    training = {"epochs": 2, "optimizer": {"name": "adam", "learning_rate": 0.05}, **ALONE}
    return {
        "name": "words",
        "data": data,
        "model": model or {"builder": "mlp", "dense": [8]},
        "training": training,
        "runtime": {"compile": "graph"},
    }


def spec_and_notes(values: Any, test: Any = None, **settings: Any) -> tuple[Any, tuple[str, ...]]:
    """The bound input of some values, and notes."""
    data = from_mapping(config(column="w", **settings), needs_source=False).config.data
    given = {"train": ({"w": values}, {"y": np.arange(len(values)) % 2})}
    if test is not None:
        given["test"] = ({"w": test}, {"y": np.arange(len(test)) % 2})
    splits = load_splits(data, given=given)
    return splits.spec.inputs["words"], splits.notes


def ids(bound: Any, values: Any) -> list[int]:
    """What the host stage makes of values."""
    (lookup,) = make_preprocessing({"words": bound}).host["words"]
    return np.asarray(lookup(np.asarray(values)[:, None])).ravel().tolist()


def test_the_vocabulary_is_that_of_the_training_rows_the_most_frequent_first():
    bound, _ = spec_and_notes(np.array(list("abbccc")))
    assert bound.state["vocabulary"] == [["c", "b", "a"]] and bound.state["counts"] == [[3, 2, 1]]
    assert ids(bound, ["a", "c", "never seen"]) == [3, 1, 0]


@pytest.mark.parametrize(("settings", "kept"), [({"min_count": 2}, ["c", "b"]), ({"max_values": 1}, ["c"])], ids=str)
def test_rare_values_are_unknown_and_counted(settings: dict[str, Any], kept: list[str]):
    bound, notes = spec_and_notes(np.array(list("abbccc")), **settings)
    assert bound.state["vocabulary"] == [kept]
    assert any(note.startswith("train: ") and "too rare" in note for note in notes)


def test_values_that_are_new_in_the_test_are_unknown_and_counted():
    _, notes = spec_and_notes(np.array(list("abab")), np.array(["a", "z", "z"]))
    assert any(note.startswith("test: 2 of 3 rows") and "such as `z`" in note for note in notes)


def test_new_values_that_are_nearly_known_are_said():
    _, notes = spec_and_notes(np.array(list("abab")), np.array(["a", "A ", " b", "z"]))
    (note,) = [note for note in notes if note.startswith("test: 3 of 4 rows")]
    assert note.endswith("; ` b` differs from `b` in capitals or spaces alone, and 1 more such")


def test_empty_values_are_a_value_of_their_own_and_counted():
    bound, notes = spec_and_notes(np.array(["a", "", "b", "", "a", "b"]))
    assert bound.state["vocabulary"] == [["", "a", "b"]]
    assert "train: 2 of 6 rows have no `w`, which counts as a value of its own" in notes


def test_values_that_differ_in_spaces_or_capitals_alone_are_said():
    _, notes = spec_and_notes(np.array([" Ulm", "Ulm", "ulm", "Bonn", "bonn", "New  York"]))
    (note,) = [note for note in notes if "capitals or spaces" in note]
    assert note.startswith("train: `w` has ` Ulm`, `Ulm`, `ulm`, which differ") and "1 more such groups" in note
    assert not any("capitals" in note for note in spec_and_notes(np.array(["a", "b", "ab"]))[1])


def test_integers_are_looked_up_as_they_are_also_where_one_is_minus_1():
    bound, _ = spec_and_notes(np.array([-1, -1, 70000, 5]))
    assert bound.dtype == "int64"
    assert ids(bound, [-1, 5, 70000, 6]) == [1, 2, 3, 0]


def test_text_and_numbers_in_one_column_are_refused_with_the_row():
    with pytest.raises(RunError) as refused:
        spec_and_notes(np.array(["a", "b", 3, "c"], dtype=object))
    assert refused.value.problems[0].code == "mixed-types"
    assert "row 2" in refused.value.problems[0].message


def test_fractions_are_no_categories():
    with pytest.raises(RunError, match="row 1"):
        spec_and_notes(np.array([1.0, 1.5, 2.0]))


def test_no_step_works_on_categories():
    with pytest.raises(ConfigError, match="preprocess"):
        from_mapping(config(preprocess=["normalize"]), needs_source=False)


def test_a_minimum_that_no_value_reaches_is_refused():
    with pytest.raises(RunError) as refused:
        spec_and_notes(np.array(list("abab")), min_count=10)
    assert refused.value.problems[0].key == ("data", "inputs", "words", "min_count")


@pytest.mark.parametrize("stream", [False, True], ids=["arrays", "stream"])
def test_plain_keras_opens_the_model_and_gives_the_run_s_figures_on_raw_text(stream: bool, tmp_path: Any):
    train: Any = ({"job": JOB, "city": CITY}, {"y": Y})
    given = {split: tf.data.Dataset.from_tensor_slices(train) if stream else train for split in ("train", "test")}
    run = dlkit.train(config(columns=["job", "city"]), data=given, runs_folder=tmp_path, verbose=False)
    assert run.test["accuracy"] > 0.9
    model = keras.saving.load_model(run.folder / "model.keras")
    assert (model.input.dtype, model.input.shape) == ("string", (None, 2))
    # 20 jobs are embedded, 3 cities are one-hot; unknown has an id of its own.
    embedding = model.get_layer("words_embedding_1")
    assert (embedding.input_dim, embedding.output_dim) == (21, 9)
    raw = tf.constant(np.stack([JOB, CITY], axis=1))
    accuracy = np.mean((model.predict(raw, verbose=0)[:, 0] > 0.5) == Y)
    assert accuracy == pytest.approx(run.test["accuracy"])
    assert np.isfinite(model.predict(tf.constant([["never", "seen"]]), verbose=0)).all()


@pytest.mark.parametrize(("embedding", "width"), [("one_hot", 21), (5, 5), (None, 9)], ids=str)
def test_the_size_of_an_embedding_can_be_stated(embedding: Any, width: int):
    from dlkit.models.build import build

    loaded = from_mapping(config(column="w", embedding=embedding), needs_source=False).config
    splits = load_splits(loaded.data, given=({"w": JOB}, {"y": Y}))
    built = build(loaded, splits.spec)
    assert built.network.get_layer("dense_1").kernel.shape == (width, 8)


def test_of_a_stream_rare_values_of_training_are_counted_and_the_rest_is_said_not_to_be() -> None:
    data = from_mapping(config(column="w", min_count=2), needs_source=False).config.data
    values = np.array(list("aabbcd"))
    train = tf.data.Dataset.from_tensor_slices(({"w": values}, {"y": np.arange(6) % 2}))
    splits = load_splits(data, given={"train": train})
    splits, _ = fit_and_stage(splits)
    inputs, notes = splits.spec.inputs, splits.notes
    assert inputs["words"].state["vocabulary"] == [["a", "b"]]
    assert any("train: 2 of 6 rows have a value of `w` too rare" in note for note in notes)
    assert any("`words`: values that validation and test have" in note and "not counted" in note for note in notes)


def test_a_stream_stops_at_a_number_that_is_not_whole() -> None:
    settings = from_mapping(config(), needs_source=False).config.data.inputs["words"]
    feature = settings.feature("words", SourceField((), "float32"))
    assert settings.example(tf.constant(3.0), feature).numpy().tolist() == [3]
    with pytest.raises(tf.errors.InvalidArgumentError, match="input words: a category is no whole number"):
        settings.example(tf.constant(3.5), feature)


@pytest.mark.parametrize("values", [["b", "a", "b", "ö", "b", "a"], [7, -1, 7, 3, 7, -1]])
def test_arrays_have_the_ids_that_the_layers_of_the_saved_model_give(values: list[Any]):
    bound, _ = spec_and_notes(np.array(values), min_count=2)
    (lookup,) = make_preprocessing({"words": bound}).host["words"]
    new = np.array([*values, *(["never seen", ""] if isinstance(values[0], str) else [5, 0])])[:, None]
    found, expected = lookup(new), lookup(tf.constant(new))
    assert found.dtype == np.int32 and found.tolist() == np.asarray(expected).tolist()
