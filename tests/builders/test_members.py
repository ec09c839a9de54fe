"""`members` of `builder: mlp`: the loss is the mean of theirs, the result is the mean of theirs, everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import dlkit
from dlkit.data.contract import Batch
from dlkit.models.build import results_model
from tests.builders.test_mlp import X, built

MEMBERS = 4
RANDOM = np.random.default_rng(1)
LABELS = {
    "category": RANDOM.integers(0, 3, 16),
    "binary": RANDOM.integers(0, 2, 16),
    "number": RANDOM.normal(5, 3, 16).astype("float32"),
    "multi_label": RANDOM.integers(0, 2, (16, 3)),
}


def by_hand() -> keras.Model:
    """The network in plain Keras, over prepared numbers."""
    keras.utils.set_random_seed(7)
    given = keras.Input((3,))
    normal = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.RepeatVector(MEMBERS)(given)
    x = layers.EinsumDense("bmd,md->bmd", (MEMBERS, 3), kernel_initializer=normal)(x)
    for _ in range(2):
        x = layers.Dense(8, activation="relu")(x)
    uniform = keras.initializers.RandomUniform(-(8**-0.5), 8**-0.5)
    head = layers.EinsumDense("bmd,mdu->bmu", (MEMBERS, 3), bias_axes="mu", kernel_initializer=uniform)
    return keras.Model(given, head(x))


def test_members_equal_a_network_written_by_hand_with_the_same_seed() -> None:
    made, hand = built(members=MEMBERS), by_hand()
    for ours, theirs in zip(made.network.weights, hand.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
    prepared = made.preprocessing.whole("x", X)
    np.testing.assert_allclose(made.network(prepared), hand(prepared), atol=1e-6)
    assert {layer.name for layer in made.network.layers} <= set(made.origins)


def test_no_member_sees_another() -> None:
    network = built(members=MEMBERS, normalization="layer", residual=True, numbers="piecewise").network
    before = np.asarray(network(X))
    scale = network.get_layer("members")
    (kernel,) = scale.get_weights()
    kernel[0] *= 2
    scale.set_weights([kernel])
    changed = np.abs(np.asarray(network(X)) - before).max(axis=(0, 2)) > 1e-6
    assert changed.tolist() == [True, False, False, False]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_of_the_members_losses_and_the_result_that_of_their_probabilities(
    smoothing: float,
) -> None:
    made, labels = built(members=MEMBERS), LABELS["category"]
    made = type(made)(**{**vars(made), "training": made.training.model_copy(update={"label_smoothing": smoothing})})
    logits = np.asarray(made.model(X), np.float64)
    one_hot = np.eye(3)[labels] * (1 - smoothing) + smoothing / 3
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -(one_hot[:, None] * log_probabilities).sum(axis=-1).mean(axis=1)
    objective = made.objective(training=True)
    outputs = {"y": made.model(X)}
    np.testing.assert_allclose(objective.per_example({"y": labels}, outputs)["y"], expected, rtol=1e-5)
    weights = objective.weights(Batch({}, {"y": labels}, {}, np.arange(16)))
    total = objective.total(objective.per_example({"y": labels}, outputs), weights, 16, {})
    assert float(total) == pytest.approx(expected.mean(), rel=1e-5)
    results = np.exp(log_probabilities).mean(axis=1)
    np.testing.assert_allclose(made.results(outputs)["y"], results, rtol=1e-5)
    np.testing.assert_allclose(results_model(made)(X), results, rtol=1e-5)


# The others are variations: a run and its saved model give their figures below.
@pytest.mark.parametrize(
    "target", ["category", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("binary", "number"))]
)
def test_a_notebook_trains_and_measures_members(target: str) -> None:
    model = dlkit.mlp((3,), classes=3 if target == "category" else None, target=target, members=MEMBERS, dense=[8])
    labels, outputs = LABELS[target], np.asarray(model(X), np.float64)
    figures = model.evaluate(X, labels, verbose=0, return_dict=True)
    if target == "number":
        assert figures["loss"] == pytest.approx(np.mean((outputs[..., 0] - labels[:, None]) ** 2), rel=1e-4)
        expected = np.abs(outputs.mean(axis=1)[:, 0] - labels).mean()
        assert figures["mean_absolute_error"] == pytest.approx(expected, rel=1e-4)
    elif target == "binary":
        results = (1 / (1 + np.exp(-outputs))).mean(axis=1)[:, 0]
        assert figures["accuracy"] == pytest.approx(np.mean((results > 0.5) == labels))
    else:
        results = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
        assert figures["accuracy"] == pytest.approx(np.mean(results.mean(axis=1).argmax(axis=1) == labels))
        losses = -np.log(results[np.arange(16), :, labels])
        assert figures["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    before = model.evaluate(X, labels, verbose=0, return_dict=True)["loss"]
    model.fit(X, labels, epochs=20, verbose=0)
    assert model.evaluate(X, labels, verbose=0, return_dict=True)["loss"] < before


@pytest.mark.parametrize(
    "target", [pytest.param(kind, marks=() if kind in ("binary", "number") else pytest.mark.slow) for kind in LABELS]
)
def test_figures_of_a_run_are_those_of_its_saved_model_in_plain_keras(target: str, tmp_path: Path) -> None:
    data: dict[str, Any] = {
        "inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": target}}, "batch_size": 5,
    }  # fmt: skip
    if target == "multi_label":
        data["targets"]["y"]["classes"] = ["a", "b", "c"]
    config = {
        "name": "members",
        "data": data,
        "model": {"builder": "mlp", "dense": [8], "dropout": 0.1, "members": MEMBERS},
        "training": {"epochs": 2, "health": 2},
    }
    arrays = (X, LABELS[target])
    run = dlkit.train(config, data={"train": arrays, "validation": arrays, "test": arrays}, runs_folder=tmp_path)
    model = keras.saving.load_model(run.folder / "model.keras")
    assert model.output.shape == (None, 3 if target in ("category", "multi_label") else 1)
    figures = json.loads((run.folder / "test.json").read_text())
    shown = model.evaluate(X, LABELS[target].reshape(16, -1).astype("float32"), verbose=0, return_dict=True)
    compared = [name for name in shown if name in figures and name != "loss"]
    assert compared
    for name in compared:
        assert shown[name] == pytest.approx(figures[name], rel=1e-5), name
