"""What a serious recipe needs: each word of the configuration does what it says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.schema.features import Feature
from dlkit.training import limits
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.limits import time_limit
from dlkit.training.listeners import Listener
from tests.bound import a_target
from tests.training.helpers import CNN, DATA, EVEN, MLP, RNN, SGD, UNEVEN, VALIDATED, images, load, settings, train

PLAIN_MLP = {"builder": "mlp", "dense": [16]}
TRAIN = {"train": UNEVEN["train"]}


def trained(
    tmp_path: Path, model: dict[str, Any] = PLAIN_MLP, training: Any = None, on: Any = None, **more: Any
) -> dlkit.Run:
    return train(settings(model, training, **more), tmp_path, data=on)


def weights(run: dlkit.Run) -> list[np.ndarray]:
    """The network's weights at the end of a run."""
    newest = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[0])
    return [newest.arrays[f"weights/{i}"] for i in range(4)]


# Gradient accumulation.


@pytest.mark.parametrize("compiled", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
def test_batches_whose_gradients_are_accumulated_are_one_large_batch(tmp_path: Path, compiled: str) -> None:
    # 100 examples: updates of 32, 32, 32 and 4, which are passes of 16, and a last one of 4.
    runtime = {"compile": compiled}
    two = {"name": "adam", "global_clipnorm": 0.5, "gradient_accumulation_steps": 2}
    one = {"name": "adam", "global_clipnorm": 0.5}
    passes = trained(tmp_path / "a", training={"optimizer": two}, on=TRAIN, data={"batch_size": 16}, runtime=runtime)
    whole = trained(tmp_path / "b", training={"optimizer": one}, on=TRAIN, data={"batch_size": 32}, runtime=runtime)
    np.testing.assert_allclose(passes.history["loss"], whole.history["loss"], rtol=1e-5)
    for a, b in zip(weights(passes), weights(whole), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


def test_a_last_update_of_unequal_passes_counts_every_example_once(tmp_path: Path) -> None:
    # 100 = 3 x 24 + 28 in passes of 8: the last update has three passes and a rest of four.
    data = {"shuffle": False}
    optimizer = {"name": "sgd", "learning_rate": 0.1}
    passes = trained(
        tmp_path / "a",
        training={"optimizer": {**optimizer, "gradient_accumulation_steps": 9}},
        on=TRAIN,
        data={**data, "batch_size": 8},
    )
    whole = trained(tmp_path / "b", training={"optimizer": optimizer}, on=TRAIN, data={**data, "batch_size": 72})
    np.testing.assert_allclose(passes.history["loss"], whole.history["loss"], rtol=1e-5)


# The moving average of the weights.


def test_the_average_of_the_weights_is_validated_tested_and_saved(tmp_path: Path) -> None:
    optimizer = {"name": "sgd", "use_ema": True, "ema_momentum": 0.9}
    averaged = trained(tmp_path / "a", training={"optimizer": optimizer})
    plain = trained(tmp_path / "b", training=SGD)
    assert averaged.history["loss"] == plain.history["loss"], "the average must not change the training itself"
    assert averaged.history["val_loss"] != plain.history["val_loss"]
    loss, _ = averaged.model.evaluate(*DATA["test"], verbose=0)
    assert loss == pytest.approx(averaged.test["loss"], rel=1e-5)
    loss, _ = averaged.model.evaluate(*DATA["validation"], verbose=0)
    assert loss == pytest.approx(min(averaged.history["val_loss"]), rel=1e-5)


def test_the_average_is_that_of_keras(tmp_path: Path) -> None:
    optimizer = {"name": "sgd", "learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}
    data = {"shuffle": False, "batch_size": 50}
    run = trained(tmp_path, training={"optimizer": optimizer, "epochs": 1}, on=TRAIN, data=data)
    model = dlkit.build_model(load(settings(PLAIN_MLP)).config, spec_of_images())
    model.set_weights([*initial(run)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8), model.loss)
    x, y = TRAIN["train"]
    model.fit(x, y, batch_size=50, epochs=1, shuffle=False, verbose=0)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    for ours, theirs in zip(run.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def spec_of_images() -> dlkit.Spec:
    image = Feature("image", "image", (28, 28, 1), "uint8")
    label = Feature("label", "category", (), "int32", tuple(map(str, range(10))))
    return dlkit.Spec({"image": image}, {"label": label})


def initial(run: dlkit.Run) -> list[np.ndarray]:
    """The weights that a run began with."""
    first = checkpoints.load(checkpoints.of_step(run.folder / "checkpoints", 0))
    return [first.arrays[f"weights/{i}"] for i in range(4)]


# Half precision.


@pytest.mark.parametrize(
    ("model", "policy"),
    [
        (MLP, "mixed_float16"),
        pytest.param(CNN, "mixed_bfloat16", marks=pytest.mark.slow),
        pytest.param(RNN, "mixed_float16", marks=pytest.mark.slow),
        pytest.param(RNN, "mixed_bfloat16", marks=pytest.mark.slow),
        pytest.param(CNN, "mixed_float16", marks=pytest.mark.slow),
        pytest.param(MLP, "mixed_bfloat16", marks=pytest.mark.slow),
    ],
    ids=lambda given: given if isinstance(given, str) else given["builder"],
)
def test_half_precision_trains_and_saves_float32_results(tmp_path: Path, model: dict[str, Any], policy: str) -> None:
    optimizer = {"name": "adam", "learning_rate": 0.01}
    run = trained(tmp_path, model, {"epochs": 3, "optimizer": optimizer}, EVEN, runtime={"precision": policy})
    assert run.history["loss"][-1] < run.history["loss"][0]
    kinds = {layer.compute_dtype for layer in run.model.layers if layer.weights and layer.name != "label"}
    assert kinds == {policy.removeprefix("mixed_")}
    assert all(weight.dtype == "float32" for weight in run.model.trainable_weights)
    found = run.model.predict(DATA["test"][0], verbose=0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert keras.config.dtype_policy().name == "float32", "the policy of the process must stay"


def test_float16_scales_its_loss_and_clips_what_is_scaled_back(tmp_path: Path) -> None:
    optimizer = {"name": "sgd", "learning_rate": 0.5, "global_clipnorm": 0.01}
    half = trained(tmp_path / "a", training={"optimizer": optimizer}, on=EVEN, runtime={"precision": "mixed_float16"})
    full = trained(tmp_path / "b", training={"optimizer": optimizer}, on=EVEN)
    np.testing.assert_allclose(half.history["loss"], full.history["loss"], rtol=2e-3)


# Frozen layers and smoothed labels.


def test_a_frozen_layer_keeps_its_weights(tmp_path: Path) -> None:
    run = trained(tmp_path, training={"freeze": ["dense_*"], "epochs": 1, **SGD}, on=EVEN)
    before, after = initial(run), weights(run)
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


@pytest.mark.parametrize(("freeze", "message"), [(["conv_1"], "dense_1, label"), (["*"], "nothing would be trained")])
def test_freezing_what_is_not_there_or_everything_is_reported(tmp_path: Path, freeze: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as failed:
        trained(tmp_path, training={"freeze": freeze})
    assert failed.value.problems[0].key[:2] == ("training", "freeze")


def test_smoothed_labels_change_the_loss_of_training_alone(tmp_path: Path) -> None:
    run = trained(tmp_path, training={"label_smoothing": 0.2, "epochs": 1, **SGD}, on=VALIDATED)
    loss, _ = run.model.evaluate(*VALIDATED["validation"], verbose=0)
    assert loss == pytest.approx(run.history["val_loss"][0], rel=1e-5)
    labels, logits = np.array([1, 0]), np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 0.0]], np.float32)
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = 0.8 * np.eye(3)[labels] + 0.2 / 3
    three = a_target(Feature("y", "category", (), "int32", ("a", "b", "c")))
    found = three.settings.smoothed(three, "sparse_categorical_crossentropy", 0.2, None, logits=True)(labels, logits)
    np.testing.assert_allclose(np.asarray(found), -(target * log_softmax).sum(axis=1), rtol=1e-5)


# Limits.


class Counter(Listener):
    """Counts validations and keeps notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, kind: str, text: str) -> None:
        self.notes.append(text)


def test_max_steps_ends_in_mid_epoch_with_a_validated_tested_and_saved_model(tmp_path: Path) -> None:
    run = trained(tmp_path, training={"max_steps": 10, "epochs": 50, "schedule": "cosine"})
    newest = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[0])
    assert newest.progress.step == 10
    assert len(run.history["val_loss"]) == 2
    assert run.test["loss"] > 0
    # The schedule is spread over the ten updates, not over fifty epochs.
    assert run.history["learning_rate"][-1] < 0.05 * 0.001


def test_max_time_ends_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100_000))
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: 20.0 * next(clock)))
    counter = Counter()
    run = train(settings(PLAIN_MLP, {"max_time": "1m", "epochs": 9, **SGD}), tmp_path, data=UNEVEN, listener=counter)
    assert run.state == "finished"
    # A chunk of an epoch's six full batches, and one of its short last batch.
    assert len(run.history["epoch"]) == 2
    assert any("`training.max_time` of 1m is over" in note for note in counter.notes)


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("1h30m", 5400), ("45s", 45), ("2h", 7200)])
def test_times_are_read_as_they_are_written(text: str, seconds: int) -> None:
    assert time_limit(load(settings(MLP, {"max_time": text})).config.training) == seconds


def test_an_epoch_that_is_not_validated_has_empty_columns_and_does_not_stop_the_run(tmp_path: Path) -> None:
    training = {"validate_every": 2, "epochs": 5, "early_stopping": {"patience": 5}, **SGD}
    run = trained(tmp_path, training=training)
    assert [value is None for value in run.history["val_loss"]] == [True, False, True, False, False]
    assert run.test["loss"] > 0


def test_limited_batches_are_the_same_few_examples_of_each_split(tmp_path: Path) -> None:
    counter = Counter()
    config = settings(PLAIN_MLP, {"limit_batches": {"train": 2, "test": 1}, **SGD})
    run = train(config, tmp_path, listener=counter)
    assert "32 of 112 examples of train are used" in counter.notes
    assert "16 of 80 examples of test are used" in counter.notes
    newest = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[0])
    assert newest.progress.step == 3 * 2


def test_a_sound_model_learns_a_few_batches_by_heart(tmp_path: Path) -> None:
    run = trained(
        tmp_path, training={"overfit_batches": 2, "epochs": 40, "optimizer": {"name": "adam", "learning_rate": 0.03}}
    )
    assert run.history["accuracy"][-1] == 1.0
    assert run.test["accuracy"] == 1.0


def test_a_fast_dev_run_is_one_short_epoch_to_the_end(tmp_path: Path) -> None:
    run = trained(tmp_path, training={"fast_dev_run": True, "epochs": 50, **SGD}, expects={"test_accuracy": ">= 0.99"})
    assert len(run.history["loss"]) == 1
    assert (run.folder / "model.keras").exists()
    again = run.resume()
    assert len(again.history["loss"]) == 1


def test_streams_are_limited_too(tmp_path: Path) -> None:
    import tensorflow as tf

    data = {name: tf.data.Dataset.from_tensor_slices(images(96)) for name in ("train", "test")}
    config = settings(PLAIN_MLP, {"limit_batches": 2, **SGD}, image={"shape": [28, 28, 1]})
    run = train(config, tmp_path, data=data)
    newest = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[0])
    assert newest.progress.step == 3 * 2
