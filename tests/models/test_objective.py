"""The objective: each target's weighted mean over the whole batch, however the batch is cut."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.data.contract import Batch
from dlkit.data.load import load_splits
from dlkit.models.build import build
from dlkit.models.objective import Objective
from dlkit.schema.loader import from_mapping

RANDOM = np.random.default_rng(0)
LABELS = {"a": RANDOM.integers(0, 3, 12), "b": RANDOM.normal(size=(12, 2)).astype("float32")}
OUTPUTS = {name: RANDOM.normal(size=(12, n)).astype("float32") for name, n in (("a", 3), ("b", 2))}
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
LOSSES = {"a": CROSS_ENTROPY, "b": keras.losses.MeanSquaredError(reduction=None)}


def batch(weights: dict[str, np.ndarray] | None = None) -> Batch:
    """Twelve examples."""
    return Batch({"x": np.zeros((12, 1))}, LABELS, weights or {}, np.arange(12))


def total(objective: Objective, whole: Batch, rows: slice = slice(None)) -> float:
    """What some rows add to the loss of the whole batch."""
    sums = {name: tf.reduce_sum(w) for name, w in objective.weights(whole).items()}
    part = tf.nest.map_structure(lambda x: x[rows], whole)
    outputs = {name: x[rows] for name, x in OUTPUTS.items()}
    return float(objective.total(objective.per_example(part.targets, outputs), objective.weights(part), 12, sums))


def means(weights: np.ndarray | None = None) -> tuple[float, float]:
    """The weighted mean loss of each target, by NumPy."""
    losses = (CROSS_ENTROPY(LABELS["a"], OUTPUTS["a"]), ((LABELS["b"] - OUTPUTS["b"]) ** 2).mean(axis=1))
    first, second = (float(np.average(np.asarray(x, np.float64), weights=weights)) for x in losses)
    return first, second


def test_without_weights_it_is_the_mean_of_each_target() -> None:
    assert total(Objective(LOSSES), batch()) == pytest.approx(sum(means()), rel=1e-6)


def test_example_weights_and_weights_of_targets_give_weighted_means() -> None:
    weights = RANDOM.uniform(0, 2, 12).astype("float32")
    objective = Objective(LOSSES, loss_weights={"b": 0.25})
    first, second = means(weights)
    whole = batch({"a": weights, "b": weights})
    assert total(objective, whole) == pytest.approx(first + 0.25 * second, rel=1e-6)
    assert sum(total(objective, whole, rows) for rows in (slice(0, 5), slice(5, 6), slice(6, 12))) == pytest.approx(
        first + 0.25 * second, rel=1e-6
    )


def test_an_example_of_weight_nothing_might_as_well_not_be_there() -> None:
    weights = np.ones(12, "float32")
    weights[3:] = 0
    found = total(Objective(LOSSES), batch({"a": weights, "b": weights}))
    assert found == pytest.approx(sum(means(weights)), rel=1e-6)
    assert total(Objective(LOSSES), batch({"a": 0 * weights, "b": 0 * weights})) == 0


@pytest.mark.parametrize("name", ["categorical_crossentropy", "categorical_focal_crossentropy"])
def test_labels_are_smoothed_for_the_losses_of_one_hot_labels_too(name: str) -> None:
    data = {"inputs": {"x": {"kind": "number"}}, "targets": {"a": {"kind": "category", "loss": name}}}
    mapping = {"name": "t", "data": data, "model": {"builder": "mlp"}, "training": {"label_smoothing": 0.1}}
    config = from_mapping(mapping, needs_source=False).config
    built = build(config, load_splits(config.data, given={"train": (np.zeros((12, 2), "float32"), LABELS["a"])}).spec)
    cls = getattr(keras.losses, name.title().replace("_", ""))
    smooth = cls(from_logits=True, label_smoothing=0.1, reduction=None)
    found = built.objective(training=True).per_example({"a": LABELS["a"]}, {"a": OUTPUTS["a"]})["a"]
    np.testing.assert_allclose(found, smooth(np.eye(3)[LABELS["a"]], OUTPUTS["a"]), rtol=1e-5)


def test_weights_of_classes_count_in_the_loss_of_their_target_alone() -> None:
    table = np.array([1.0, 4.0, 0.5], "float32")
    objective = Objective(LOSSES, class_weights={"a": lambda labels: tf.gather(table, labels)})
    expected = means(table[LABELS["a"]])[0] + means()[1]
    assert total(objective, batch()) == pytest.approx(expected, rel=1e-6)
    assert not objective.alike


def test_ignored_classes_leave_loss_and_gradient_of_the_rest_as_keras_has_them() -> None:
    objective = Objective({"a": CROSS_ENTROPY}, ignored={"a": 0})
    whole = Batch({"x": np.zeros((12, 1))}, {"a": LABELS["a"]}, {}, np.arange(12))
    reference = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    outputs = tf.constant(OUTPUTS["a"])
    found = []
    for loss in (
        lambda: reference(LABELS["a"], outputs),
        lambda: objective.total(
            objective.per_example(whole.targets, {"a": outputs}),
            objective.weights(whole),
            12,
            {"a": tf.reduce_sum(objective.weights(whole)["a"])},
        ),
    ):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = loss()
        found.append((float(value), tape.gradient(value, outputs).numpy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-7)


def test_smoothed_labels_leave_ignored_classes_out_too() -> None:
    """The loss of training is the mean of the smoothed losses of the rest, and its gradient for an ignored row is 0."""
    loss = {"name": "sparse_categorical_crossentropy", "ignore_class": 0}
    config = {
        "name": "smooth",
        "data": {
            "inputs": {"x": {"kind": "number"}},
            "targets": {"a": {"kind": "category", "classes": 3, "loss": loss}},
        },
        "model": {"builder": "mlp"},
        "training": {"label_smoothing": 0.2},
    }
    given = (np.zeros((12, 1), "float32"), LABELS["a"])
    loaded = from_mapping(config, needs_source=False).config
    objective = build(loaded, load_splits(loaded.data, given={"train": given}).spec).objective(training=True)
    whole = Batch({}, {"a": tf.constant(LABELS["a"], tf.int32)}, {}, np.arange(12))
    outputs = tf.constant(OUTPUTS["a"])
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        weights = objective.weights(whole)
        sums = {"a": tf.reduce_sum(weights["a"])}
        value = objective.total(objective.per_example(whole.targets, {"a": outputs}), weights, 12, sums)
    kept = LABELS["a"] != 0
    labels = 0.8 * np.eye(3)[LABELS["a"]] + 0.2 / 3
    expected = keras.losses.CategoricalCrossentropy(from_logits=True)(labels[kept], OUTPUTS["a"][kept])
    assert float(value) == pytest.approx(float(expected), rel=1e-6)
    gradient = tape.gradient(value, outputs).numpy()
    assert not gradient[~kept].any()
    assert gradient[kept].all()
