"""Keras callbacks, and the user's own, in the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.schema.loader import Loaded
from dlkit.training import run as runner
from dlkit.training.interrupts import Interrupted
from dlkit.training.listeners import Listener
from tests.training.helpers import VALIDATED, InterruptAt, settings, state_digest

PLUGIN = '''
import keras

calls = []


class Recording(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        calls.append(("train_begin", self.params["epochs"]))

    def on_epoch_begin(self, epoch, logs=None):
        calls.append(("epoch_begin", epoch))

    def on_train_batch_end(self, batch, logs=None):
        calls.append(("batch_end", batch))

    def on_epoch_end(self, epoch, logs=None):
        calls.append(("epoch_end", epoch, sorted(logs)))

    def on_train_end(self, logs=None):
        calls.append(("train_end",))


class Halving(keras.callbacks.Callback):
    """Halves the rate after every second epoch, counting by itself."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1
        if self.seen % 2 == 0:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2

    def get_state(self):
        return {"seen": self.seen}

    def set_state(self, state):
        self.seen = state["seen"]


class Stopping(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


class Raising(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyError("val_los")


class Keeping(keras.callbacks.Callback):
    def get_state(self):
        return {"all": {1, 2}}

    def set_state(self, state):
        pass


class Plateau(keras.callbacks.ReduceLROnPlateau):
    pass


class Epochs(keras.metrics.Metric):
    """Counts epochs: rises for ever. `direction` says whether that is good."""

    def __init__(self, direction=None, **arguments):
        super().__init__(**arguments)
        self._direction = direction
        self.count = self.add_variable((), "zeros")

    def update_state(self, labels, results, sample_weight=None):
        pass

    def result(self):
        return self.count

    def reset_state(self):
        self.count.assign_add(1.0)


callbacks = {
    "recording": Recording, "halving": Halving, "stopping": Stopping, "raising": Raising, "keeping": Keeping,
    "plateau": Plateau,
}
metrics = {"error_loss": Epochs, "accuracy_score": Epochs}
'''
MLP = {"builder": "mlp", "dense": [4]}


def loaded(folder: Path, *callbacks: Any, **training: Any) -> Loaded:
    """A configuration with the plug-in's callbacks."""
    import yaml

    from dlkit.schema import loader

    folder.mkdir(exist_ok=True, parents=True)
    (folder / "mine.py").write_text(PLUGIN)
    optimizer = {"name": "sgd", "learning_rate": 0.001}
    config = settings(MLP, {"callbacks": [*callbacks], "optimizer": optimizer, **training}, plugins=["mine.py"])
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    return loader.load(folder / "small.yaml", needs_source=False)


def train(folder: Path, *callbacks: Any, listener: Listener | None = None, **training: Any) -> Any:
    return runner.start(loaded(folder, *callbacks, **training), folder, listener or Listener(), data=VALIDATED)


def calls_of(config: Loaded) -> list[tuple[Any, ...]]:
    """What the plug-in's recording callback was called with."""
    function = config.plugins.functions["callbacks"]["recording"]
    import sys

    return list(sys.modules[function.__module__].calls)


def test_callbacks_are_called_where_keras_would_call_them(tmp_path: Path) -> None:
    config = loaded(tmp_path, "recording", epochs=2)
    runner.start(config, tmp_path, Listener(), data=VALIDATED)
    calls = calls_of(config)
    epochs = [call for call in calls if call[0] != "batch_end"]
    names = ["accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    assert epochs == [
        ("train_begin", 2), ("epoch_begin", 0), ("epoch_end", 0, names), ("epoch_begin", 1), ("epoch_end", 1, names),
        ("train_end",),
    ]  # fmt: skip
    batches = [call[1] for call in calls if call[0] == "batch_end"]
    assert len(batches) < 14, "one call for each chunk"
    assert batches[-1] == 6, "with the number of its last batch"


def test_every_step_calls_after_each_update_and_changes_no_bit(tmp_path: Path) -> None:
    config = loaded(tmp_path / "a", {"name": "recording", "every_step": True}, epochs=2)
    every = runner.start(config, tmp_path / "a", Listener(), data=VALIDATED)
    assert [call[1] for call in calls_of(config) if call[0] == "batch_end"] == [*range(7), *range(7)]
    plain = train(tmp_path / "b", "recording", epochs=2)
    assert state_digest(every.path) == state_digest(plain.path)


def test_a_callback_with_state_resumes_to_the_same_bits(tmp_path: Path, one_step_chunks: None) -> None:
    whole = train(tmp_path / "whole", "halving", epochs=5)
    rates = [row["learning_rate"] for row in whole.read_history()]
    np.testing.assert_allclose(rates, [0.001, 0.001, 0.0005, 0.0005, 0.00025], rtol=1e-6)
    with pytest.raises(Interrupted):
        train(tmp_path / "cut", "halving", epochs=5, listener=InterruptAt(24))
    folder = dlkit.runs.RunFolder((tmp_path / "cut" / "small" / "latest").resolve())
    from dlkit.schema import loader

    runner.resume(loader.load(folder.config, needs_source=False), folder, Listener(), data=VALIDATED)
    assert state_digest(folder.path) == state_digest(whole.path)


def test_reduce_lr_on_plateau_changes_the_rate_of_the_loop(tmp_path: Path) -> None:
    callback = {"name": "reduce_lr_on_plateau", "monitor": "loss", "factor": 0.5, "patience": 1, "min_delta": 9.0}
    found = train(tmp_path, callback, epochs=4)
    rates = [row["learning_rate"] for row in found.read_history()]
    np.testing.assert_allclose(rates, [0.001, 0.001, 0.0005, 0.00025], rtol=1e-6)


@pytest.mark.parametrize(
    ("callback", "metric", "direction", "reduced"),
    [
        ("reduce_lr_on_plateau", "error_loss", "up", False),
        ("plateau", "accuracy_score", "down", True),
        pytest.param("reduce_lr_on_plateau", "accuracy_score", "down", True, marks=pytest.mark.slow),
        pytest.param("plateau", "error_loss", "up", False, marks=pytest.mark.slow),
    ],
)
def test_the_mode_of_a_callback_is_what_the_metric_says(
    callback: str, metric: str, direction: str, reduced: bool, tmp_path: Path
) -> None:
    given = {"name": callback, "monitor": f"val_{metric}", "factor": 0.5, "patience": 1}
    found = train(tmp_path, given, epochs=3, metrics=[{"name": metric, "direction": direction}])
    assert (found.read_history()[-1]["learning_rate"] < 0.0009) == reduced


def test_the_mode_of_a_callback_may_be_that_of_a_keras_metric(tmp_path: Path) -> None:
    callback = {"name": "reduce_lr_on_plateau", "monitor": "val_accuracy", "patience": 1, "min_delta": 2.0}
    found = train(tmp_path, callback, epochs=3)
    np.testing.assert_allclose(found.read_history()[-1]["learning_rate"], 1e-4, rtol=1e-6)


def test_a_metric_that_does_not_say_its_mode_needs_one_for_a_callback(tmp_path: Path) -> None:
    callback = {"name": "reduce_lr_on_plateau", "monitor": "val_error_loss"}
    with pytest.raises(ConfigError, match="a lower or a higher `val_error_loss`") as failed:
        train(tmp_path, callback, metrics=["error_loss"])
    (problem,) = failed.value.problems
    assert (problem.code, problem.key) == ("mode-unknown", ("training", "callbacks", 0))
    assert "`training.callbacks.0.mode: min`" in problem.help
    assert train(tmp_path, {**callback, "mode": "max"}, epochs=1, metrics=["error_loss"])


def test_a_callback_without_state_is_reported_at_the_start(tmp_path: Path) -> None:
    notes: list[str] = []

    class Notes(Listener):
        def noted(self, kind: str, text: str) -> None:
            notes.append(text)

    train(tmp_path, "recording", "halving", epochs=1, listener=Notes())
    message = [note for note in notes if "is in no checkpoint" in note]
    assert len(message) == 1
    assert "`recording`" in message[0]


def test_a_callback_may_stop_training(tmp_path: Path) -> None:
    found = train(tmp_path, "stopping", epochs=9)
    assert len(found.read_history()) == 2
    assert found.read_state()["state"] == "finished"


@pytest.mark.parametrize(
    ("name", "message"), [("raising", "raised KeyError in on_epoch_end"), ("keeping", "get_state")]
)
def test_a_callback_that_raises_is_blamed_by_name_and_key(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(RunError, match=message) as failed:
        train(tmp_path, "recording", name)
    (problem,) = failed.value.problems
    assert problem.code == "callback-failed"
    assert problem.key == ("training", "callbacks", 1)
    folder = dlkit.runs.RunFolder((tmp_path / "small" / "latest").resolve())
    assert folder.read_state()["state"] == "failed"


def test_arguments_that_keras_refuses_are_reported(tmp_path: Path) -> None:
    with pytest.raises((RunError, ConfigError), match=r"factor >= 1\.0"):
        train(tmp_path, {"name": "reduce_lr_on_plateau", "factor": 2.0})
