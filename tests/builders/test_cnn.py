"""The convolutional network over sequences: equal to one written by hand, and padding changes nothing in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from dlkit.config.problems import ConfigError
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.models.build import BuiltModel, build
from dlkit.schema.loader import from_mapping
from tests.builders.networks import built as network

LENGTHS = np.array([9, 4, 7, 5, 8, 6])
RAW = np.where(np.arange(9)[:, None] < LENGTHS[:, None, None], np.random.default_rng(0).normal(size=(6, 9, 2)), np.nan)


def built(blocks: list[dict[str, Any]], steps: int = 9, *, ragged: bool = True, **model: Any) -> BuiltModel:
    """A network of three classes over sequences of two channels."""
    return network(blocks, (steps, 2), ragged=ragged, **model)


BLOCKS = {
    "same": [{"filters": 4, "padding": "same"}, {"filters": 3, "kernel_size": 5, "padding": "same"}],
    "whole windows": [{"filters": 4, "kernel_size": 2}, {"filters": 3}],
    "pooled": [{"filters": 4, "padding": "same", "pool_size": 2}, {"filters": 3, "padding": "same", "pool_size": 2}],
    "values below 0": [{"filters": 4, "padding": "same", "activation": "tanh", "pool_size": 2}],
    "normalised": [{"filters": 4, "padding": "same", "batch_normalization": True, "pool_size": 2}],
    "dropped out": [{"filters": 4, "padding": "same", "dropout": 0.3}],
}


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_padding_changes_no_result(blocks: list[dict[str, Any]], pooling: str) -> None:
    model = built(blocks, pooling=pooling).model
    expected = model(RAW)
    for steps in (12, 15):
        padded = np.pad(RAW, [(0, 0), (0, steps - 9), (0, 0)], constant_values=np.nan)
        longer = built(blocks, steps, pooling=pooling).model
        longer.set_weights(model.get_weights())
        np.testing.assert_allclose(longer(padded), expected, atol=1e-6)
    # Without its padding a sequence gives the same, alone.
    for row in (0, 1):
        alone = built(blocks, int(LENGTHS[row]), ragged=False, pooling=pooling).model
        alone.set_weights(model.get_weights())
        if "pool_size" not in blocks[-1] or LENGTHS[row] % 4 == 0:  # else the last window is not whole
            np.testing.assert_allclose(alone(RAW[row : row + 1, : LENGTHS[row]]), expected[row : row + 1], atol=1e-6)


def test_padding_does_not_enter_the_statistics_of_batch_normalisation() -> None:
    model = built(BLOCKS["normalised"]).model
    padded = np.pad(RAW, [(0, 0), (0, 7), (0, 0)], constant_values=np.nan)
    longer = built(BLOCKS["normalised"], 16).model
    longer.set_weights(model.get_weights())
    np.testing.assert_allclose(longer(padded, training=True), model(RAW, training=True), atol=1e-5)
    for weight, other in zip(longer.weights, model.weights, strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-6)


def test_sequences_shorter_than_a_window_are_seen_with_zeros_after_them() -> None:
    model = built([{"filters": 4, "kernel_size": 6, "activation": "linear"}]).model
    found = np.asarray(model(RAW))
    kernel, bias = model.get_layer("conv_1").get_weights()
    for row in np.flatnonzero(LENGTHS < 6):
        steps = np.where(np.isnan(RAW[row, :6]), 0, RAW[row, :6])
        features = np.tensordot(steps, kernel, 2) + bias
        head, offset = model.layers[-1].get_weights()
        np.testing.assert_allclose(found[row], features @ head + offset, atol=1e-5)


def test_it_equals_a_network_written_by_hand_and_opens_in_plain_keras(tmp_path: Path) -> None:
    blocks = [{"filters": 4, "kernel_size": 5, "padding": "same", "batch_normalization": True},
              {"filters": 3, "strides": 2, "pool_size": 2}]  # fmt: skip
    made = built(blocks, 16, ragged=False).model
    x = inputs = keras.Input((16, 2))
    x = layers.BatchNormalization()(layers.Conv1D(4, 5, padding="same", use_bias=False)(x))
    x = layers.MaxPooling1D(2)(layers.Conv1D(3, 3, strides=2, activation="relu")(layers.Activation("relu")(x)))
    hand = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))
    hand.set_weights(made.get_weights())
    given = np.random.default_rng(1).normal(size=(5, 16, 2))
    np.testing.assert_array_equal(made(given), hand(given))
    masked = built(blocks, 16).model
    masked.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(given, verbose=0), masked.predict(given, verbose=0))


def test_the_tokens_of_a_text_are_embedded() -> None:
    data = {
        "inputs": {"x": {"kind": "text", "embedding": 5, "length": 7, "max_tokens": 20}},
        "targets": {"y": {"kind": "binary"}},
    }
    model = {"builder": "cnn", "blocks": [{"filters": 4, "padding": "same"}]}
    run = {"name": "t", "data": data, "model": model}
    texts = np.array(["one two three", "two four", "five one", "six"] * 4, object)
    config = from_mapping(run, needs_source=False).config
    splits = fit_and_stage(load_splits(config.data, given={"train": ({"x": texts}, {"y": np.arange(16) % 2})}))[0]
    names = {layer.name: layer for layer in build(config, splits.spec).network.layers}
    assert names["conv_1"].input.shape == (None, 7, 5)


@pytest.mark.parametrize(
    ("block", "ragged", "says"),
    [
        ({"filters": 4, "kernel_size": [3, 3]}, True, "`kernel_size` is 3 x 3, and the input is a sequence"),
        ({"filters": 4, "pool_size": [2, 2]}, True, "`pool_size` is 2 x 2"),
        ({"filters": 4, "kernel_size": 10}, True, "a window of 10 does not fit a sequence of 9 steps"),
        ({"filters": 4, "pool_size": 8}, False, "a window of 8 does not fit a sequence of 7 steps"),
    ],
)
def test_windows_that_do_not_fit_are_refused_at_their_setting(block: dict[str, Any], ragged: bool, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        built([block], ragged=ragged)
    (problem,) = refused.value.problems
    assert says in problem.message
    assert problem.key[:3] == ("model", "blocks", 0)
    assert problem.help
