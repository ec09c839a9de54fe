"""Preprocessing layers: what they compute, where they run, what they are fitted on."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.config.problems import RunError
from dlkit.data.bound import Spec, bound
from dlkit.data.contract import Rows, Splits, Stream, in_memory
from dlkit.data.prepare import fit_and_stage, host_stage
from dlkit.data.preprocessing import Preprocessing, apply_layers, make_preprocessing
from dlkit.schema.data import Data
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 10, 8, 3)).astype("uint8")
LABELS = np.arange(40, dtype="int32") % 2


def data(*steps: Any, kind: str = "image", augment: tuple[Any, ...] = ()) -> Data:
    """Settings with one input and these steps."""
    settings: dict[str, Any] = {"kind": kind, "preprocess": list(steps)}
    if augment:
        settings["augment"] = list(augment)
    section = {"inputs": {"x": settings}, "targets": {"y": {"kind": "category"}}}
    return from_mapping({"name": "t", "data": section, "model": {"builder": "mlp"}}, needs_source=False).config.data


def layers_of(settings: Data, train: Any = None) -> Preprocessing:
    """The layers of the input, fitted on a training split where one is given."""
    inputs = bound(splits().spec, settings).inputs
    return make_preprocessing(inputs if train is None else fitted(settings, train).spec.inputs)


def fitted(settings: Data, train: Any) -> Splits:
    """A training split with what its preprocessing learned."""
    return fit_and_stage(Splits(bound(splits().spec, settings), train))[0]


def splits(images: np.ndarray = IMAGES) -> Splits:
    """The images as a training split and the first ten of them as a test."""
    spec = Spec(
        {"x": Feature("x", "image", images.shape[1:], str(images.dtype))},
        {"y": Feature("y", "category", (), "int32", ("a", "b"))},
    )
    test = in_memory({"x": images[:10]}, {"y": LABELS[:10]})
    return Splits(spec, in_memory({"x": images}, {"y": LABELS[: len(images)]}), test=test)


def test_rescale_brings_pixels_into_0_to_1_by_default() -> None:
    layers = layers_of(data("rescale"))
    found = np.asarray(apply_layers(layers.device["x"], IMAGES))
    np.testing.assert_allclose(found, IMAGES / 255, atol=1e-6)


def test_normalize_is_fitted_on_the_training_split_after_the_steps_before_it() -> None:
    layers = layers_of(data({"rescale": {"scale": 2.0}}, "normalize"), splits().train)
    found = np.asarray(apply_layers(layers.device["x"], IMAGES))
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=(0, 1, 2)), 1, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_stream_whose_mean_is_no_number_is_reported_by_the_name_of_the_input(value: float) -> None:
    numbers = np.ones((40, 3), np.float32)
    numbers[30, 1] = value
    examples = tf.data.Dataset.from_tensor_slices(({"x": numbers}, {"y": LABELS}, {}))
    with pytest.raises(RunError, match="holds NaN or infinity in `x`") as failed:
        layers_of(data("normalize", kind="number"), Stream(lambda seed, epoch: examples, 40))
    assert (failed.value.problems[0].code, failed.value.problems[0].key) == ("not-finite", ("data", "inputs", "x"))


@pytest.mark.parametrize("kind", ["arrays", "fetched", "stream"])
def test_the_host_stage_ends_with_the_last_resize_and_gives_the_same_on_every_road(kind: str) -> None:
    layers = layers_of(data({"resize": {"height": 5, "width": 4}}, "rescale"))
    assert [type(x).__name__ for x in layers.host["x"]] == ["Resized"]
    assert [type(x).__name__ for x in layers.device["x"]] == ["Rescaling"]
    expected = np.round(keras.layers.Resizing(5, 4, antialias=True)(IMAGES.astype("float32")))
    given = splits()
    spec = bound(given.spec, data({"resize": {"height": 5, "width": 4}}, "rescale"))
    given = Splits(spec, given.train, test=given.test)
    if kind == "fetched":
        images = given.train.arrays.inputs["x"]
        given = Splits(given.spec, Rows(given.train.held._replace(inputs={}), lambda rows: {"x": images[rows]}))
    elif kind == "stream":
        given = Splits(
            given.spec, Stream(lambda s, e: tf.data.Dataset.from_tensor_slices(({"x": IMAGES}, {"y": LABELS}, {})), 40)
        )
    staged = host_stage(layers.host, given)
    assert (staged.spec.inputs["x"].shape, staged.spec.inputs["x"].dtype) == ((5, 4, 3), "uint8")
    train = staged.train
    if isinstance(train, Stream):
        found = np.stack([inputs["x"].numpy() for inputs, *_ in train.make(0, 0)])
    else:
        found = train.read(np.arange(40)).inputs["x"]
    np.testing.assert_array_equal(found, expected)


def test_without_a_resize_the_splits_stay_as_they_are() -> None:
    given = splits()
    assert host_stage(layers_of(data("rescale")).host, given) is given


def test_random_layers_are_reported_the_range_of_the_values_they_get() -> None:
    brightness = {"random_brightness": {"factor": 0.2}}
    for steps, expected in (
        (("rescale",), [0.0, 1.0]),
        (({"rescale": {"scale": 2 / 255, "offset": -1.0}},), [-1.0, 1.0]),
    ):
        (layer,) = layers_of(data(*steps, augment=(brightness,))).augment["x"]
        np.testing.assert_allclose(layer.value_range, expected, atol=1e-6)


def test_a_resized_image_is_what_the_saved_model_takes_raw(tmp_path: Any) -> None:
    import dlkit

    section = {
        "inputs": {"x": {"kind": "image", "preprocess": [{"resize": {"height": 5, "width": 4}}, "rescale"]}},
        "targets": {"y": {"kind": "category", "classes": 2}},
    }
    config = {
        "name": "resized",
        "data": section,
        "model": {"builder": "mlp"},
        "training": {"epochs": 1, "first_batch": "off"},
        "runtime": {"compile": "graph"},
    }
    run = dlkit.train(
        config, data={"train": (IMAGES, LABELS), "test": (IMAGES, LABELS)}, runs_folder=tmp_path, verbose=False
    )
    loss, accuracy = run.model.evaluate(IMAGES, LABELS, verbose=0)
    assert loss == pytest.approx(run.test["loss"], rel=1e-4)
    assert accuracy == pytest.approx(run.test["accuracy"])


def test_what_is_the_same_in_every_training_row_becomes_0_and_is_said() -> None:
    numbers = np.stack([np.full(40, 7.0), np.arange(40.0)], axis=1).astype("float32")
    train = in_memory({"x": numbers}, {"y": LABELS})
    found = fitted(data("normalize", kind="number"), train)
    inputs, notes = found.spec.inputs, found.notes
    (layer,) = make_preprocessing(inputs).device["x"]
    found = np.asarray(layer(np.array([[7.0, 19.5], [1e6, 39.0]], "float32")))
    assert found[:, 0].tolist() == [0, 0]
    assert found[0, 1] == pytest.approx(0, abs=1e-6)
    assert any("1 of 2 values are the same in every training row" in note for note in notes)


def test_means_of_large_numbers_are_exact_and_lost_differences_are_said() -> None:
    numbers = (1e8 + np.arange(40.0)[:, None] % 2).astype("float64")
    train = in_memory({"x": numbers}, {"y": LABELS})
    found = fitted(data("normalize", kind="number"), train)
    inputs, notes = found.spec.inputs, found.notes
    (state,) = inputs["x"].state["steps"]
    assert state["mean"] == [pytest.approx(1e8 + 0.5, abs=1e-9)]
    assert any("which float32 hardly holds" in note for note in notes)
