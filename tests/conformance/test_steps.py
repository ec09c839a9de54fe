"""Every registered step: the same over arrays, in tf.data and in a saved model, with the shape that it promises."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.data.preprocessing import apply_layers
from dlkit.schema.features import Encoding
from dlkit.schema.step import STEPS, Draw, StepSettings
from dlkit.training.program.randomness import KeyedSeed, drawing

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "resize": [{"height": 5, "width": 4}],
    "fill_missing": [
        {}, {"value": "mean"}, {"value": "most_frequent", "indicator": True}, {"value": 3.5, "indicator": True},
    ],
    "quantile": [{}, {"output": "normal"}, {"bins": 5}],
    "min_max": [{}, {"clip": True}],
    "clip": [{"low": -1.0}, {"high": 0.5}, {"low": -0.5, "high": 0.5}, {"quantiles": [0.1, 0.8]}],
    "log": [{}, {"offset": 0.0}, {"offset": 10.0}],
    "spectrogram": [{}, {"as_image": True}],
    "log_mel": [{}, {"bins": 20, "window": 0.02, "high": 4000.0}, {"as_image": True}],
}  # fmt: skip
SHAPES: dict[tuple[str, ...], tuple[int, ...]] = {(): (4,), ("height", "width"): (6, 6, 3), ("samples",): (900,)}
# Steps that refuse negative values.
POSITIVE = {"log"}
STEADY = [name for name in STEPS.own_names if not STEPS[name].random]
CASES = [(name, given) for name in STEADY for given in SETTINGS.get(name, [{}])]


def fitted(name: str, given: dict[str, Any]) -> tuple[StepSettings, list[Any], np.ndarray]:
    """A step, its layer by what JSON keeps of its state, and values that it works on."""
    step = STEPS[name].model_validate({"step": name, **given})
    shape = (12, *SHAPES[step.needs_axes])
    values = np.random.default_rng(0).normal(size=shape).astype("float32")
    values = np.abs(values) if name in POSITIVE else values
    if step.fills_missing:
        values[values > 1] = np.nan
    state = json.loads(json.dumps(dict(step.fit([values[:8], values[8:]])))) if step.fitted else None
    return step, [step.layer(state)], values


@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
def test_a_step_gives_the_same_over_arrays_in_tf_data_and_in_a_saved_model(
    name: str, given: dict[str, Any], tmp_path: Path
) -> None:
    step, layers, values = fitted(name, given)
    expected = np.asarray(apply_layers(layers, values))
    rows = tf.data.Dataset.from_tensor_slices(values).batch(5).map(lambda x: apply_layers(layers, x))
    found = np.concatenate([x.numpy() for x in rows])
    if "samples" in step.needs_axes:
        # A convolution adds up in another order by the size of the batch.
        np.testing.assert_allclose(found, expected, atol=1e-4)
    else:
        # To the last bit but one: a logarithm at the end of a batch is not computed by vector instructions.
        np.testing.assert_array_max_ulp(found, expected, maxulp=1)
    inputs = keras.Input(values.shape[1:])
    keras.Model(inputs, apply_layers(layers, inputs)).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert b"dlkit" not in archive.read("config.json"), "its layers are Keras's own"
    again = np.asarray(keras.saving.load_model(tmp_path / "m.keras")(values))
    np.testing.assert_allclose(again, expected, atol=1e-4 if "samples" in step.needs_axes else 1e-6)
    assert np.isfinite(expected).all()


@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
def test_a_step_gives_the_shape_and_type_that_its_encoding_promises(name: str, given: dict[str, Any]) -> None:
    step, layers, values = fitted(name, given)
    promised = step.encoding(Encoding(values.shape[1:], "float32", step.needs_axes))
    found = np.asarray(apply_layers(layers, values))
    assert (promised.shape, promised.dtype) == (found.shape[1:], found.dtype.name)


@pytest.mark.parametrize("name", [n for n in STEADY if not STEPS[n].needs_axes and not STEPS[n].fills_missing])
def test_a_step_that_fills_nothing_keeps_nan_where_it_is(name: str) -> None:
    step = STEPS[name].model_validate({"step": name})
    values = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    values = np.abs(values) if name in POSITIVE else values
    values[3, 2] = np.nan
    state = step.fit([values]) if step.fitted else None
    np.testing.assert_array_equal(np.isnan(np.asarray(apply_layers([step.layer(state)], values))), np.isnan(values))


EXAMPLES = {"height": (6, 8, 3), "tokens": (20,)}


@pytest.mark.parametrize("name", [name for name in STEPS.own_names if STEPS[name].random])
def test_a_random_step_changes_examples_of_every_kind_by_its_draw_alone(name: str) -> None:
    step = STEPS[name].model_validate({"step": name})
    shapes = [(30,), (30, 5)] if "samples" in step.first_axes else [(30, 5)]
    shapes = [EXAMPLES[step.needs_axes[0]]] if step.needs_axes else shapes
    for shape in shapes:
        x = np.random.default_rng(0).normal(size=(16, *shape)).astype("float32")
        if "tokens" in step.needs_axes:
            x = np.random.default_rng(0).integers(2, 9, (16, *shape)).astype("int32")
        elif step.first_axes:
            x[3, 20:] = np.nan
        results = []
        for epoch in (0, 0, 1):
            with drawing(tf.constant(epoch), 0):
                draw = Draw(tf.range(16, dtype=tf.int64), tf.constant(epoch), KeyedSeed(1, 0))
                results.append(step.augmented(tf.constant(x), draw).numpy())
        first, again, other = results
        np.testing.assert_array_equal(first, again)
        assert (first.shape, first.dtype) == (x.shape, x.dtype)
        assert (first != other).any() and not np.array_equal(first, x, equal_nan=True)
        np.testing.assert_array_equal(np.isnan(first), np.isnan(x))
