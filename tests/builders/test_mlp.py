"""`builder: mlp`: each setting equals layers put together by hand; what cannot be built is refused at its setting."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import dlkit
from dlkit.builders._numbers import ENOUGH_ROWS
from dlkit.config.problems import ConfigError
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.models.build import BuiltModel, build, results_model
from dlkit.schema.loader import from_mapping

RANDOM = np.random.default_rng(0)
ROWS = 400
# Of three columns: one that is skewed, one of two values, one of a single value.
TABLE = np.stack([np.exp(RANDOM.normal(size=ROWS)), RANDOM.integers(0, 2, ROWS), np.full(ROWS, 3.0)], axis=1)
X = TABLE[:16].astype("float32")


def built(table: Any = TABLE, steps: Any = ("normalize",), seed: int = 7, **model: Any) -> BuiltModel:
    """The network over a table whose preprocessing is fitted."""
    inputs = {"x": {"kind": "number", "columns": list("abcdef"[: table.shape[1]]), "preprocess": list(steps)}}
    data = {"inputs": inputs, "targets": {"y": {"kind": "category"}}}
    given = {"name": "t", "data": data, "model": {"builder": "mlp", "dense": [8, 8], **model}}
    config = from_mapping(given, needs_source=False).config
    columns = dict(zip("abcdef", table.T, strict=False))
    splits = load_splits(config.data, given={"train": {**columns, "y": np.arange(len(table)) % 3}})
    spec = fit_and_stage(splits, config.data)[0].spec
    keras.utils.set_random_seed(seed)
    return build(config, spec)


def bins(edges: list[np.ndarray], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Slope and start of each bin, by a loop."""
    slope, start = np.zeros((2, len(edges), most))
    for column, own in enumerate(edges):
        for number, (low, high) in enumerate(pairwise(own)):
            slope[column, number], start[column, number] = 1 / (high - low), -low / (high - low)
    return slope, start


def of_each_column(x: Any, activation: str | None = None) -> Any:
    bound = x.shape[2] ** -0.5
    uniform = keras.initializers.RandomUniform(-bound, bound)
    dense = layers.EinsumDense(
        "bct,ctw->bcw", (x.shape[1], 8), bias_axes="cw", activation=activation, kernel_initializer=uniform
    )
    return layers.Flatten()(dense(x))


def by_hand(numbers: str, normalization: str | None, *, residual: bool, units: int = 8) -> keras.Model:
    """The network in plain Keras, over prepared numbers."""
    keras.utils.set_random_seed(7)
    given = x = keras.Input((3,))
    if numbers == "piecewise":
        first = np.unique(np.quantile(TABLE[:, 0].astype("float32"), np.linspace(0, 1, 17)))
        mean, deviation = TABLE.mean(axis=0), TABLE.std(axis=0)
        edges = [(e - m) / d for e, m, d in zip([first, [0, 1]], mean, deviation, strict=False)]
        frozen = layers.EinsumDense("bc,ct->bct", (3, 16), bias_axes="ct", kernel_initializer="zeros", trainable=False)
        frozen.build((None, 3))
        frozen.set_weights(bins([*map(np.asarray, edges), np.zeros(1)], 16))
        x = layers.Concatenate()([given, of_each_column(layers.ReLU(max_value=1)(frozen(given)))])
    elif numbers == "periodic":
        normal = keras.initializers.RandomNormal(stddev=2 * np.pi * 0.1)
        angles = layers.EinsumDense("bc,ct->bct", (3, 16), kernel_initializer=normal)(given)
        waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        x = layers.Concatenate()([given, of_each_column(waves, "relu")])
    for number in range(2):
        y = layers.Dense(units, use_bias=normalization is None)(x)
        if normalization is not None:
            y = (layers.BatchNormalization if normalization == "batch" else layers.LayerNormalization)()(y)
        y = layers.ReLU()(y)
        x = layers.Add()([x, y]) if residual and number else y
    return keras.Model(given, layers.Dense(3)(x))


@pytest.mark.parametrize(
    ("numbers", "normalization", "residual"),
    [
        ("plain", None, False),
        ("piecewise", None, False),
        ("periodic", None, False),
        ("plain", "batch", True),
        ("piecewise", "layer", True),
    ],
)
def test_a_network_equals_one_written_by_hand_with_the_same_seed(
    numbers: str, normalization: str | None, residual: bool
) -> None:
    made = built(numbers=numbers, normalization=normalization, residual=residual)
    hand = by_hand(numbers, normalization, residual=residual)
    assert len(made.network.weights) == len(hand.weights)
    for ours, theirs in zip(made.network.weights, hand.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4, err_msg=ours.path)
    prepared = made.preprocessing.whole("x", X)
    np.testing.assert_allclose(made.network(prepared), hand(prepared), atol=1e-4)
    assert {layer.name for layer in made.network.layers} <= set(made.origins)


@pytest.mark.parametrize("steps", [["normalize"], ["min_max", {"rescale": {"scale": -2.0}}], ["log"], []])
def test_the_bins_are_those_of_the_raw_values_whatever_the_preprocessing(steps: Any) -> None:
    made = built(steps=steps, numbers="piecewise")
    edges = np.quantile(TABLE[:, 0].astype("float32"), np.linspace(0, 1, 17)).astype("float32")
    rows = np.repeat(TABLE[:1].astype("float32"), 17, axis=0)
    rows[:, 0] = edges
    through, pieces = made.network.get_layer("x_bins"), made.network.get_layer("x_pieces")
    found = np.asarray(pieces(through(made.preprocessing.whole("x", rows))))[:, 0].sum(axis=1)
    expected = np.arange(17) if "min_max" not in steps else np.arange(17)[::-1]
    np.testing.assert_allclose(found, expected, atol=1e-2)


def test_a_column_without_values_and_one_of_missing_values_have_no_bins() -> None:
    table = np.stack([TABLE[:, 0], np.full(ROWS, np.nan), np.where(np.arange(ROWS) % 2, np.nan, 1.0)], axis=1)
    made = built(table, [{"fill_missing": 1}, "normalize"], numbers="piecewise")
    kernel, bias = made.network.get_layer("x_bins").get_weights()
    assert np.isfinite(kernel).all() and np.isfinite(bias).all()
    assert kernel[0].all() and not kernel[1:].any() and not bias[1:].any()


@pytest.mark.parametrize(
    ("rows", "numbers", "embedded"),
    [(ENOUGH_ROWS - 1, "auto", False), (ENOUGH_ROWS, "auto", True), (ENOUGH_ROWS, "plain", False), (50, "auto", False)],
)
def test_numbers_are_piecewise_by_themselves_where_there_are_enough_rows(
    rows: int, numbers: str, embedded: bool
) -> None:
    network = built(RANDOM.normal(size=(rows, 2)), numbers=numbers).network
    assert ("x_bins" in {layer.name for layer in network.layers}) is embedded


def test_numbers_that_never_change_stay_as_they_are() -> None:
    assert "x_bins" not in {layer.name for layer in built(np.ones((40, 2)), numbers="piecewise").network.layers}


@pytest.mark.parametrize("model", [{"numbers": "piecewise"}, {"numbers": "periodic", "normalization": "layer"}])
def test_a_saved_model_opens_in_plain_keras_to_the_same_bits(model: dict[str, Any], tmp_path: Path) -> None:
    whole = results_model(built(**model))
    whole.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(X), whole(X))
    assert "lambda" not in again.to_json()


@pytest.mark.parametrize(
    ("model", "key", "says"),
    [
        ({"residual": True, "dense": [8, 4]}, "residual", "there are no two such"),
        ({"residual": True, "dense": [8]}, "residual", "there are no two such"),
        ({"members": 4, "normalization": "batch"}, "normalization", "mix their values"),
        ({"members": 1}, "members", "2"),
        ({"normalization": "group"}, "normalization", "group"),
        ({"batch_normalization": True}, "batch_normalization", "normalization"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_their_place(model: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        built(**model)
    (problem,) = refused.value.problems
    assert problem.key[:2] == ("model", key) and says in f"{problem.message} {problem.help} {problem.label}"


@pytest.mark.parametrize(
    ("numbers", "shape", "says"),
    [("piecewise", (4,), "has no quantiles"), ("piecewise", (4, 2), "no input"), ("periodic", (4, 2), "no input")],
)
def test_numbers_that_cannot_be_embedded_are_refused(numbers: str, shape: tuple[int, ...], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        dlkit.mlp(shape, classes=3, numbers=numbers)
    (problem,) = refused.value.problems
    assert problem.key == ("model", "numbers") and says in problem.message
