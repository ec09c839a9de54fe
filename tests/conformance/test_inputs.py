"""Every registered kind of input: through host and device stages as in the saved model, from every feeder the same."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from dlkit.config.problems import RunError
from dlkit.data.bound import Input
from dlkit.data.contract import Batch, Splits
from dlkit.data.feeding import make_feeder
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage, host_stage
from dlkit.data.preprocessing import apply_layers, make_preprocessing
from dlkit.models.build import build
from dlkit.schema.input import INPUTS
from dlkit.schema.loader import from_mapping
from dlkit.training.program.forward import forward

ROWS = 40
RANDOM = np.random.default_rng(0)
HOLES = RANDOM.normal(size=(ROWS, 4)).astype("float32")
HOLES[HOLES > 1] = np.nan
PADDED = RANDOM.normal(size=(ROWS, 9, 2)).astype("float32")
PADDED[np.arange(9) >= RANDOM.integers(2, 8, ROWS)[:, None]] = np.nan
TEXTS = np.array(["A good film.", "", "A b\u00e4d<br />film\u2026 it's no good!", "\u597d\u770b\u3002"] * 10)
SOUNDS = RANDOM.normal(size=(ROWS, 400)).astype("float32")
SOUNDS[np.arange(400) >= RANDOM.integers(100, 401, ROWS)[:, None]] = np.nan
MEL = {"rate": 1000, "preprocess": [{"log_mel": {"bins": 4}}, "normalize"]}
# Settings and raw values of each kind; a kind without an entry fails here.
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("image", {}, RANDOM.integers(0, 256, (ROWS, 16, 16, 3)).astype("uint8")),
    ("image", {"preprocess": [{"resize": {"height": 12, "width": 10}}, "rescale"]},
     RANDOM.integers(0, 256, (ROWS, 16, 16, 3)).astype("uint8")),
    ("number", {}, RANDOM.normal(size=(ROWS, 4))),
    ("number", {"preprocess": [{"fill_missing": {"indicator": True}}, "normalize"]}, HOLES),
    ("category", {}, np.array([["a", "x"], ["b", "y"], ["c", "x"], ["a", "z"]] * 10)),
    ("category", {"min_count": 2}, RANDOM.integers(-1, 15, (ROWS, 1))),
    ("text", {"min_count": 1}, TEXTS),
    ("text", {"ngrams": 3, "max_tokens": 9, "length": 4, "embedding": 3}, TEXTS),
    ("text", {"split": "character", "lowercase": False}, TEXTS),
    ("sequence", {}, RANDOM.normal(size=(ROWS, 6, 2))),
    ("sequence", {}, PADDED),
    ("audio", MEL, SOUNDS),
    ("audio", {**MEL, "seconds": 0.2}, RANDOM.normal(size=(ROWS, 300))),
    ("audio", {"rate": 1000, "preprocess": ["spectrogram"]}, RANDOM.normal(size=(ROWS, 300))),
]  # fmt: skip
IDS = [f"{kind} {settings}" for kind, settings, _ in CASES]
EVERY = pytest.mark.parametrize(("kind", "settings", "values"), CASES, ids=IDS)


def opened(kind: str, settings: dict[str, Any], values: Any) -> tuple[Any, Splits]:
    """A configuration, and its data before the host stage, fitted; those of a case once for all tests."""
    for number, (_, of_case, raw) in enumerate(CASES):
        if raw is values and of_case == settings:
            return opened_case(number)
    return newly_opened(kind, settings, values)


@cache
def opened_case(number: int) -> tuple[Any, Splits]:
    return newly_opened(*CASES[number])


def newly_opened(kind: str, settings: dict[str, Any], values: Any) -> tuple[Any, Splits]:
    data = {"inputs": {"x": {"kind": kind, **settings}}, "targets": {"y": {"kind": "binary"}}}
    model = {"builder": INPUTS[kind].usual_builder, "dense": [3]}
    mapping = {"name": "t", "data": {**data, "batch_size": 8}, "model": model}
    config = from_mapping(mapping, needs_source=False).config
    given = {"train": ({"x": values}, {"y": np.arange(len(values)) % 2})}
    return config, fit_and_stage(load_splits(config.data, given=given))[0]


def test_every_kind_has_a_case() -> None:
    assert {kind for kind, _, _ in CASES} == set(INPUTS.own_names)


@EVERY
def test_both_stages_and_the_network_give_what_the_saved_model_gives_on_raw_values(
    kind: str, settings: dict[str, Any], values: Any, tmp_path: Path
) -> None:
    config, splits = opened(kind, settings, values)
    built = build(config, splits.spec)
    staged = host_stage(built.preprocessing.host, splits)
    logits = forward(built, staged.train.read(np.arange(ROWS)).inputs)["y"]  # type: ignore[union-attr]
    built.model.save(tmp_path / "m.keras")
    raw = splits.train.arrays.inputs["x"]  # type: ignore[union-attr]
    again = np.asarray(keras.saving.load_model(tmp_path / "m.keras")(tf.constant(raw)))
    np.testing.assert_allclose(again, logits, atol=1e-6)
    assert np.isfinite(again).all()
    encoding = built.preprocessing.encodings["x"]
    assert built.network.input.shape[1:] == encoding.shape and built.network.input.dtype == encoding.dtype


@EVERY
def test_every_feeder_gives_the_same_bits(kind: str, settings: dict[str, Any], values: Any) -> None:
    config, splits = opened(kind, settings, values)
    staged = host_stage(make_preprocessing(splits.spec.inputs).host, splits)
    found = []
    for feed in ("device", "pipeline"):
        data = config.data.model_copy(update={"feed": feed})
        feeder = make_feeder(staged.train, staged.spec, data, training=True)
        batches: list[Batch] = []
        for block in feeder.blocks(0, 0):
            batches += [feeder.pick(block.tensors, tf.constant(i)) for i in range(block.steps)]
        found.append(np.concatenate([batch.inputs["x"].numpy() for batch in batches]))
    np.testing.assert_array_equal(*found)


@EVERY
def test_what_was_fitted_is_plain_json_and_enough_for_the_same_layers(
    kind: str, settings: dict[str, Any], values: Any
) -> None:
    _, splits = opened(kind, settings, values)
    bound = splits.spec.inputs["x"]
    state = json.loads(json.dumps(dict(bound.state), allow_nan=False))
    again = Input(bound.feature, bound.columns, state, settings=bound.settings)
    raw = splits.train.arrays.inputs["x"]  # type: ignore[union-attr]
    both = []
    for one in (bound, again):
        layers = make_preprocessing({"x": one})
        both.append(np.asarray(layers.for_network("x", apply_layers(layers.host["x"], raw))))
    np.testing.assert_array_equal(*both)


@EVERY
def test_one_example_of_a_stream_is_as_in_an_array(kind: str, settings: dict[str, Any], values: Any) -> None:
    _, splits = opened(kind, settings, values)
    bound = splits.spec.inputs["x"]
    raw = splits.train.arrays.inputs["x"]  # type: ignore[union-attr]
    one = bound.settings.example(tf.constant(raw[3]), bound.feature)
    assert one.shape == bound.shape
    expected = np.char.encode(raw[3]) if raw.dtype.kind == "U" else raw[3]
    np.testing.assert_array_equal(one.numpy(), expected)


@EVERY
def test_every_kind_sums_up_its_values_and_shows_an_example(kind: str, settings: dict[str, Any], values: Any) -> None:
    _, splits = opened(kind, settings, values)
    bound = splits.spec.inputs["x"]
    raw = splits.train.arrays.inputs["x"]  # type: ignore[union-attr]
    summary = bound.settings.summary(raw, bound)
    assert summary and json.dumps(dict(summary), allow_nan=False)
    layers = make_preprocessing(splits.spec.inputs)
    prepared = np.asarray(layers.for_network("x", apply_layers(layers.host["x"], raw)))
    for n in range(4):
        assert bound.settings.in_words(raw[n], bound)
        cells = bound.settings.cells(raw[n], prepared[n], bound)
        assert cells and all(isinstance(word, str) and word for cell in cells for word in cell)
        figure = Figure()
        bound.settings.draw(figure.add_subplot(), raw[n], bound, prepared=False)
        bound.settings.draw(figure.add_subplot(), prepared[n], bound, prepared=True)
        figure.savefig(io.BytesIO())


@EVERY
def test_values_that_are_no_numbers_or_no_text_are_refused_with_a_row(
    kind: str, settings: dict[str, Any], values: Any
) -> None:
    if values.dtype.kind in "iu" and kind == "image":
        pytest.skip("8-bit pixels hold nothing wrong")
    wrong = values.astype(object) if values.dtype.kind == "U" else values.astype("float64")
    wrong[(7, *[0] * (values.ndim - 1))] = 3 if values.dtype.kind == "U" else np.inf
    with pytest.raises(RunError, match="row 7"):
        opened(kind, settings, wrong)


def test_a_column_of_single_numbers_is_normalized_as_any_other() -> None:
    values = RANDOM.normal(size=ROWS)
    _, splits = opened("number", {}, values)
    assert splits.spec.inputs["x"].shape == (1,)
    layers = make_preprocessing(splits.spec.inputs)
    found = np.asarray(layers.for_network("x", splits.train.arrays.inputs["x"]))  # type: ignore[union-attr]
    np.testing.assert_allclose(found[:, 0], (values - values.mean()) / values.std(), atol=1e-5)
