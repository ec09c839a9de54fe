"""Augmentation: labels are mixed as their pictures are, draws are independent, and cut runs resume to the same bits."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.config.problems import ConfigError
from dlkit.data.augment import augmented, make_random_layer
from dlkit.data.bound import Spec
from dlkit.data.contract import Batch
from dlkit.models.build import build
from dlkit.schema.features import Feature
from dlkit.schema.keras_objects import RandomStep
from dlkit.training.program.forward import forward_with_loss, whole
from dlkit.training.program.randomness import drawing, key_layer
from tests.quick import ALONE
from tests.training.helpers import CNN, EVEN, MLP, SGD, SMALL, load, resume, settings, state_digest, train
from tests.training.test_resume import Cut, CutAt

IMAGES = np.random.default_rng(0).uniform(size=(32, 12, 10, 3)).astype("float32")
TRANSLATION = {"random_translation": {"height_factor": 0.2, "width_factor": 0.2}}
# Every way to draw: with Keras's own layers, several in one, and of other rows.
TOGETHER = {
    "mix_up": ["random_flip", TRANSLATION, "rand_augment", {"mix_up": {"alpha": 0.4}}],
    "cut_mix": ["alternating_flip", "random_erasing", "cut_mix"],
}
QUICK = {"epochs": 2, **SGD}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """How a run without augmentation ends."""
    return state_digest(train(settings(SMALL, QUICK), tmp_path_factory.mktemp("plain"), data=EVEN).folder)


def layer_of(name: str, **arguments: Any) -> keras.layers.Layer:
    """A keyed layer of `augment`, for values from 0 to 1."""
    step = RandomStep.model_validate({"name": name, **arguments})
    return key_layer(make_random_layer(step, (0.0, 1.0), ("data",)), 1, count())


def apply(layer: keras.layers.Layer, images: Any = IMAGES, step: int = 3, epoch: int = 0) -> tuple[np.ndarray, Any]:
    """The images after a layer, and the parts of their mixture."""
    with drawing(tf.constant(step), 0):
        rows = tf.range(len(images), dtype=tf.int64)
        found, parts = augmented({"x": [layer]}, {"x": tf.constant(images)}, rows, tf.constant(epoch))
    return found["x"].numpy(), [(share.numpy(), rows.numpy()) for share, rows in parts]


def test_a_layer_that_draws_twice_in_an_update_draws_other_numbers() -> None:
    layer = layer_of("random_translation", height_factor=0.3, width_factor=0.3)
    with drawing(tf.constant(3), 0):
        moved = np.asarray(layer.get_random_transformation(IMAGES, training=True)["translations"])
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.5


def test_erasing_hides_parts_of_most_pictures() -> None:
    found, _ = apply(layer_of("random_erasing", factor=[1.0, 1.0], scale=[0.1, 0.3], fill_value=0.0))
    share = (found == 0).mean(axis=(1, 2, 3))
    assert (share > 0.02).mean() > 0.9 and share.max() < 0.6


@pytest.mark.parametrize("name", ["mix_up", "cut_mix"])
def test_pictures_are_mixed_with_the_shares_that_their_labels_are_mixed_with(name: str) -> None:
    # Each picture is one colour, so that the mean of a mixture says what it is of.
    colours = np.arange(32, dtype="float32")
    images = np.broadcast_to(colours[:, None, None, None], (32, 40, 40, 1)).copy()
    found, parts = apply(layer_of(name), images)
    assert len(parts) == 2
    np.testing.assert_allclose(sum(share for share, _ in parts), 1, atol=1e-6)
    np.testing.assert_array_equal(parts[0][1], np.arange(32))
    expected = sum(share * colours[rows] for share, rows in parts)
    # A patch has whole pixels.
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), expected, atol=1e-5 if name == "mix_up" else 32 * 4 / 40)
    assert (parts[0][0] < 0.99).any()


def test_pictures_that_are_mixed_twice_have_four_parts() -> None:
    colours = np.arange(32, dtype="float32")
    images = np.broadcast_to(colours[:, None, None, None], (32, 8, 8, 1)).copy()
    layers = [layer_of("mix_up", alpha=1.0), layer_of("mix_up", alpha=1.0)]
    key_layer(layers[1], 1, count(5))
    with drawing(tf.constant(3), 0):
        rows = tf.range(32, dtype=tf.int64)
        found, parts = augmented({"x": layers}, {"x": tf.constant(images)}, rows, tf.constant(0))
    assert len(parts) == 4
    expected = sum(share.numpy() * colours[rows.numpy()] for share, rows in parts)
    np.testing.assert_allclose(found["x"].numpy().mean(axis=(1, 2, 3)), expected, atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_a_mixture_is_the_cross_entropy_of_mixed_one_hot_labels(weighted: bool) -> None:
    config = load(settings({"builder": "mlp", "dense": [4]}, image={"augment": ["mix_up"]})).config
    classes = tuple(map(str, range(10)))
    spec = (
        {"image": Feature("image", "image", (12, 10, 3), "float32")},
        {"label": Feature("label", "category", (), "int32", classes)},
    )
    built = build(config, Spec(*spec))
    labels = np.arange(32, dtype="int32") % 10
    weights = np.linspace(0, 2, 32).astype("float32")
    batch = Batch({"image": tf.constant(IMAGES)}, {"label": tf.constant(labels)},
                  {"label": tf.constant(weights)} if weighted else {}, tf.range(32, dtype=tf.int64))  # fmt: skip
    with drawing(tf.constant(3), 0):
        (layer,) = built.preprocessing.augment["image"]
        key_layer(layer, 1, count())
        prepared, parts = augmented(built.preprocessing.augment, batch.inputs, batch.rows, tf.constant(0))
    objective = built.objective(training=True)
    found = forward_with_loss(
        built, objective, built.network, prepared, batch, part=whole(objective, batch), training=True, mixture=parts
    )
    soft = sum(
        share.numpy()[:, None] * np.eye(10)[labels[rows.numpy()]] * (weights[rows.numpy()][:, None] if weighted else 1)
        for share, rows in parts
    )
    each = keras.losses.CategoricalCrossentropy(from_logits=True, reduction=None)(soft, found.outputs["label"])
    expected = each.numpy().sum() / (weights.sum() if weighted else 32)
    assert float(found.loss) == pytest.approx(expected, rel=1e-5)


def test_every_picture_is_flipped_in_one_of_two_epochs_and_half_of_them_in_each() -> None:
    layer = layer_of("alternating_flip")
    images = np.random.default_rng(0).uniform(size=(1000, 2, 4, 1)).astype("float32")
    flipped = [(apply(layer, images, step=epoch, epoch=epoch)[0] != images).any(axis=(1, 2, 3)) for epoch in range(4)]
    np.testing.assert_array_equal(flipped[0], ~flipped[1])
    np.testing.assert_array_equal(flipped[0], flipped[2])
    assert flipped[0].mean() == pytest.approx(0.5, abs=0.05)
    again, _ = apply(layer, images)
    np.testing.assert_array_equal(again[flipped[0]], images[flipped[0]][:, :, ::-1])


@pytest.mark.parametrize("name", ["cut_mix", pytest.param("mix_up", marks=pytest.mark.slow)])
def test_a_cut_run_with_augmentation_resumes_to_the_same_bits(
    name: str, tmp_path: Path, plain: str, one_step_chunks: None
) -> None:
    augment = TOGETHER[name]
    config = settings(SMALL, {**QUICK, "checkpoints": {"every_steps": 3}}, image={"augment": augment})
    done = train(config, tmp_path / "whole", data=EVEN)
    with pytest.raises(Cut):
        train(config, tmp_path / "cut", data=EVEN, listener=CutAt(12))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    resume(folder, data=EVEN)
    assert state_digest(folder) == state_digest(done.folder) != plain


def test_xla_is_chosen_for_no_mixture_and_an_alternating_flip_runs_in_it(tmp_path: Path) -> None:
    image = {"augment": ["alternating_flip"]}
    training = {"epochs": 1, **SGD}
    done = train(settings(SMALL, training, image=image, runtime={"compile": "xla"}), tmp_path, data=EVEN)
    assert done.state == "finished"
    given = settings(SMALL, training, image={"augment": ["mix_up"]}, runtime={"compile": "auto"})
    mixed = train(given, tmp_path, data=EVEN)
    assert mixed.state == "finished"


SERIES = np.random.default_rng(0).normal(size=(64, 20, 4)).astype("float32")
SERIES[:30, 15:] = np.nan


def of_series(augment: list[str], folder: Path) -> str:
    """How a run on series ends, whose saved model gives the figures of its test."""
    data = {
        "inputs": {"x": {"kind": "sequence", "augment": augment}},
        "targets": {"y": {"kind": "binary"}},
        "batch_size": 16,
    }
    model, training = {"builder": "cnn", "blocks": [{"filters": 2}]}, {"epochs": 1, **ALONE, **SGD}
    config = {"name": "small", "data": data, "model": model, "training": training, "runtime": {"compile": "graph"}}
    y = np.arange(64) % 2
    done = train(config, folder, data={"train": (SERIES, y), "test": (SERIES, y)})
    found = keras.saving.load_model(done.folder / "model.keras").evaluate(SERIES, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(done.test["loss"], rel=1e-4)
    return state_digest(done.folder)


def test_a_sequence_is_augmented_in_training_alone(tmp_path: Path) -> None:
    first, again = (of_series(["spec_augment"], tmp_path / name) for name in "12")
    assert first == again != of_series([], tmp_path / "nothing")


@pytest.mark.slow
def test_sequences_are_augmented_in_training_alone(tmp_path: Path) -> None:
    steps = ["noise", "shift", "spec_augment"]
    ends = {name: of_series([name], tmp_path / name) for name in steps}
    ends["nothing"] = of_series([], tmp_path / "nothing")
    assert len(set(ends.values())) == 4
    assert of_series(["spec_augment"], tmp_path / "again") == ends["spec_augment"]


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (["aug_mix"], "no run can repeat"),
        (["spec_augment"], "steps or frames"),
        (["rescale"], "belongs in `preprocess`"),
        ([{"alternating_flip": {"mode": "horizontal"}}], "mode"),
    ],
)
def test_words_that_do_not_fit_are_refused(augment: list[Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(settings(CNN, image={"augment": augment}))
    assert any(message in f"{p.message} {p.label} {p.help}" for p in refused.value.problems)


def test_settings_of_own_steps_are_checked() -> None:
    data = {
        "inputs": {"x": {"kind": "sequence", "augment": [{"noise": {"deviation": -1}}]}},
        "targets": {"y": "binary"},
    }
    with pytest.raises(ConfigError, match="deviation"):
        load({"name": "t", "data": data, "model": {"builder": "rnn"}})


def test_a_mixture_of_one_of_several_inputs_is_refused() -> None:
    config = settings(MLP, image={"augment": ["mix_up"]})
    config["data"]["inputs"]["more"] = {"kind": "number"}
    with pytest.raises(ConfigError, match="only one of 2"):
        load(config)
