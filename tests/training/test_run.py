"""What a whole run promises, on small real data."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.runs import RunFolder
from dlkit.training import run
from dlkit.training.listeners import Listener
from tests import processes
from tests.training.helpers import (
    CNN,
    DATA,
    EVEN,
    MLP,
    RNN,
    SGD,
    SMALL,
    Notes,
    finished,
    load,
    settings,
    state_digest,
    train,
)

OTHERS = [pytest.param(model, marks=pytest.mark.slow) for model in (CNN, RNN)]


@pytest.mark.parametrize("model", [MLP, *OTHERS], ids=["mlp", "cnn", "rnn"])
def test_a_run_leaves_everything_in_its_folder(model: dict[str, Any], tmp_path: Path) -> None:
    done = finished(settings(model), tmp_path)
    folder = RunFolder(done.folder)
    for path in (
        folder.config, folder.environment, folder.data, folder.state, folder.history, folder.events,
        folder.log, folder.model, folder.test, folder.predictions,
    ):  # fmt: skip
        assert path.is_file(), path
    assert done.state == "finished"
    assert list(done.history) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    assert len(done.history["loss"]) == 3
    assert (tmp_path / "small" / "latest").resolve() == done.folder.resolve()
    assert not list(done.folder.rglob("*.partial"))


@pytest.mark.parametrize("model", [MLP, OTHERS[0]], ids=["mlp", "cnn"])
def test_the_saved_model_evaluates_raw_pixels_to_the_figures_of_the_test(model: dict[str, Any], tmp_path: Path) -> None:
    done = finished(settings(model), tmp_path)
    x, y = DATA["test"]
    loss, accuracy = done.model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(done.test["loss"], rel=1e-5)
    assert accuracy == pytest.approx(done.test["accuracy"], rel=1e-6)
    probabilities = done.model.predict(x, verbose=0)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    with np.load(done.folder / "predictions" / "test.npz") as kept:
        np.testing.assert_allclose(kept["label_result"], probabilities, atol=1e-6)
        np.testing.assert_array_equal(kept["label_label"], y)


def test_plain_keras_opens_and_evaluates_the_saved_model_where_dlkit_is_not_installed(tmp_path: Path) -> None:
    done = finished(settings(MLP), tmp_path)
    np.savez(tmp_path / "test.npz", x=DATA["test"][0], y=DATA["test"][1])
    script = f"""
import importlib.util, json
assert importlib.util.find_spec("dlkit") is None
import keras, numpy as np
data = np.load({str(tmp_path / "test.npz")!r})
model = keras.saving.load_model({str(done.folder / "model.keras")!r})
print(json.dumps(model.evaluate(data["x"], data["y"], verbose=0)))
"""
    ended = processes.python(script, folder=tmp_path, root=None)
    assert ended.returncode == 0, ended.stderr
    loss, accuracy = json.loads(ended.stdout.splitlines()[-1])
    assert loss == pytest.approx(done.test["loss"], rel=1e-5)
    assert accuracy == pytest.approx(done.test["accuracy"], rel=1e-6)


def test_early_stopping_ends_the_run_and_the_best_weights_are_saved(tmp_path: Path) -> None:
    config = settings(
        {"builder": "mlp", "dense": [64]},
        {"epochs": 60, "early_stopping": {"patience": 2}, "optimizer": {"name": "adam", "learning_rate": 0.02}},
    )
    notes = Notes()
    done = train(config, tmp_path, data={name: DATA[name] for name in ("train", "validation")}, listener=notes)
    assert "early-stopping" in notes.kinds
    losses = done.history["val_loss"]
    assert len(losses) < 60
    assert losses.index(min(losses)) == len(losses) - 3
    loss, _ = done.model.evaluate(*DATA["validation"], verbose=0)
    assert loss == pytest.approx(min(losses), rel=1e-5)


def test_without_validation_data_the_run_says_what_that_costs(tmp_path: Path) -> None:
    notes = Notes()
    done = train(settings(SMALL, SGD), tmp_path, data=EVEN, listener=notes)
    assert "no-validation" in notes.kinds
    assert list(done.history) == ["epoch", "loss", "accuracy", "learning_rate"]
    assert done.test == {}


def test_a_run_says_nothing_of_a_validation_split_that_is_off(tmp_path: Path) -> None:
    notes = Notes()
    config = settings(SMALL, {**SGD, "fast_dev_run": True}, data={"splits": {"train": "train", "validation": "off"}})
    train(config, tmp_path, data=EVEN, listener=notes)
    assert "no-validation" not in notes.kinds


def test_a_loss_that_is_not_finite_ends_the_run_and_saves_no_model(tmp_path: Path) -> None:
    config = settings(SMALL, {"optimizer": {"name": "sgd", "learning_rate": 1e30}})
    with pytest.raises(RunError) as failed:
        train(config, tmp_path, data=EVEN)
    assert failed.value.problems[0].code == "loss-not-finite"
    folder = (tmp_path / "small" / "latest").resolve()
    assert RunFolder(folder).read_state()["state"] == "failed"
    assert not (folder / "model.keras").exists()


def test_a_label_out_of_range_in_a_stream_is_reported_and_no_model_is_saved(tmp_path: Path) -> None:
    x, y = DATA["train"]
    labels = y.copy()
    labels[70] = 12
    stream = tf.data.Dataset.from_tensor_slices((x, labels))
    with pytest.raises(RunError, match="label is outside") as failed:
        train(settings(SMALL, SGD, image={"shape": [28, 28, 1]}), tmp_path, data={"train": stream})
    assert failed.value.problems[0].code == "data-refused"
    folder = (tmp_path / "small" / "latest").resolve()
    assert RunFolder(folder).read_state()["code"] == "data-refused"
    assert not (folder / "model.keras").exists()


def test_expectations_are_compared_with_what_was_reached(tmp_path: Path) -> None:
    notes = Notes()
    expects = {"test_accuracy": ">= 0.0", "test_loss": "< 0.0", "val_accuracy": "<= 1"}
    train(settings(SMALL, {"epochs": 1, **SGD}, expects=expects), tmp_path, listener=notes)
    assert [(name, ok) for name, _, _, ok in notes.result["expects"]] == [
        ("test_accuracy", True), ("test_loss", False), ("val_accuracy", True),
    ]  # fmt: skip


def test_the_history_holds_the_rate_of_the_last_update_of_each_epoch(tmp_path: Path) -> None:
    training = {"epochs": 2, "schedule": "cosine", "optimizer": {"name": "sgd", "learning_rate": 0.001}}
    done = train(settings(SMALL, training), tmp_path, data=EVEN)
    # Seven updates an epoch: the last ones are number 6 and 13 of 14.
    expected = [0.001 * (1 + np.cos(np.pi * step / 14)) / 2 for step in (6, 13)]
    np.testing.assert_allclose(done.history["learning_rate"], expected, rtol=1e-4)


def test_the_history_file_holds_the_figures_to_the_last_digit(tmp_path: Path) -> None:
    notes = Notes()
    data = {name: DATA[name] for name in ("train", "validation")}
    done = train(settings(SMALL, SGD), tmp_path, data=data, listener=notes)
    with (done.folder / "history.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == notes.rows


def test_augmentation_changes_training_and_is_not_in_the_saved_model(tmp_path: Path) -> None:
    training = {"epochs": 1, **SGD}
    plain = finished(settings(SMALL, training), tmp_path / "plain", data=EVEN)
    augment = ["random_flip", {"random_translation": {"height_factor": 0.1, "width_factor": 0.1}}, "random_invert"]
    config = settings(SMALL, training, image={"augment": augment})
    first, again = (train(config, tmp_path / name, data=EVEN) for name in "12")
    assert state_digest(first.folder) == state_digest(again.folder)
    assert state_digest(first.folder) != state_digest(plain.folder)
    assert [type(layer).__name__ for layer in first.model.layers] == [
        type(layer).__name__ for layer in plain.model.layers
    ]


@pytest.mark.parametrize(
    ("target", "labels"),
    [
        ({"kind": "binary"}, (DATA["train"][1] > 4).astype("int32")),
        pytest.param(
            {"kind": "number", "normalize": False}, DATA["train"][1].astype("float32"), marks=pytest.mark.slow
        ),
        ({"kind": "number"}, DATA["train"][1].astype("float32")),
    ],
    ids=["binary", "number", "normalized number"],
)
def test_other_kinds_of_target_train_and_save_what_they_predict(
    target: dict[str, Any], labels: np.ndarray, tmp_path: Path
) -> None:
    x = DATA["train"][0]
    config = settings(SMALL, {"epochs": 1, **SGD})
    config["data"]["targets"] = {"label": target}
    done = train(config, tmp_path, data={"train": (x, labels), "test": (x, labels)})
    found = done.model.evaluate(x, labels, verbose=0, return_dict=True)
    for name, value in done.test.items():
        # The loss of a run is of normalized numbers, that of the saved model of numbers in their own unit.
        scale = labels.var() if name == "loss" and target == {"kind": "number"} else 1
        assert found[name] == pytest.approx(value * scale, rel=1e-4), name
    if target["kind"] == "binary":
        assert 0 <= done.model.predict(x, verbose=0).min() <= done.model.predict(x, verbose=0).max() <= 1


def test_more_epochs_keep_the_schedule_and_are_refused_where_it_has_ended_at_nothing(tmp_path: Path) -> None:
    falling = {
        "optimizer": {"name": "sgd", "learning_rate": 0.001},
        "schedule": {"name": "cosine", "final_factor": 0.5},
    }
    done = train(settings(SMALL, {"epochs": 2, **falling}), tmp_path / "half", data=EVEN)
    notes = Notes()
    more = load(settings(SMALL, {"epochs": 4, **falling}))
    run.resume(more, RunFolder(done.folder), notes, data=EVEN)
    assert "schedule-kept" in notes.kinds
    assert done.history["learning_rate"][2:] == pytest.approx([0.0005, 0.0005])
    ended = train(settings(SMALL, {"epochs": 2, "schedule": "cosine", **SGD}), tmp_path / "nothing", data=EVEN)
    more = load(settings(SMALL, {"epochs": 4, "schedule": "cosine", **SGD}))
    with pytest.raises(ConfigError) as refused:
        run.resume(more, RunFolder(ended.folder), Listener(), data=EVEN)
    assert refused.value.problems[0].code == "schedule-is-over"
    assert ended.state == "finished"


def test_a_run_on_given_data_is_found_again_evaluated_and_resumed_with_them(tmp_path: Path) -> None:
    done = finished(settings(SMALL, {"epochs": 1, **SGD}), tmp_path)
    again = dlkit.load_run("small", tmp_path, data=DATA)
    assert again.evaluate() == pytest.approx(done.test, rel=1e-5)
    again.resume({"training.epochs": 2}, verbose=False)
    assert len(again.history["loss"]) == 2


def test_examples_that_train_and_test_alike_are_reported(tmp_path: Path) -> None:
    notes: list[str] = []

    class Remembered(Listener):
        def noted(self, kind: str, text: str) -> None:
            notes.append(text)

    train(
        settings(SMALL, {"epochs": 1, **SGD}),
        tmp_path,
        data={"train": DATA["train"], "test": DATA["train"]},
        listener=Remembered(),
    )
    assert any("test holds the same examples as train" in note for note in notes)


def test_a_split_that_nothing_would_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="`val`, which nothing would use"):
        train(settings(MLP), tmp_path, data={"train": DATA["train"], "val": DATA["validation"]})


@pytest.mark.parametrize(
    "overrides", [{"training.epochs": np.int64(2)}, "training.epochs=2", ["training.epochs=2"]], ids=repr
)
def test_overrides_in_python_take_numbers_of_numpy_and_words(overrides: Any) -> None:
    assert dlkit.load_config(settings(MLP), overrides, needs_source=False).config.training.epochs == 2


def test_an_empty_runs_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="runs_folder is empty"):
        dlkit.train(settings(MLP), data=DATA, runs_folder="")
