"""What is looked at when training begins: warnings become notes, a model too large is refused before it is made."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlkit.checks.examine import examine
from dlkit.checks.sketch import sketched
from dlkit.config.problems import ConfigError
from dlkit.training import run
from dlkit.training.listeners import Listener
from tests.quick import ALONE
from tests.training.helpers import CNN, DATA, MLP, SGD, SMALL, images, load, settings, state_digest, train

# Its first layer has 3 PB of weights, more than a process can address: making it could only fail.
BEYOND_ANY_MACHINE = settings({"builder": "mlp", "dense": [10**12]})


class Notes(Listener):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def noted(self, kind: str, text: str) -> None:
        self.texts.append(text)


def test_a_model_that_no_memory_holds_is_refused_before_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as message:
        train(BEYOND_ANY_MACHINE, tmp_path)
    (problem,) = [problem for problem in message.value.problems if problem.severity == "error"]
    assert (problem.code, problem.key, problem.severity) == ("large-model", ("model",), "error")
    assert "`dense_1`, has 785,000,000,000,000 parameters" in problem.help
    assert not list(tmp_path.iterdir())


def test_the_check_refuses_it_before_it_is_made_too() -> None:
    with pytest.raises(ConfigError) as message:
        examine(load(BEYOND_ANY_MACHINE), data=DATA)
    assert [problem.code for problem in message.value.problems] == ["large-model"]


def test_a_model_that_hardly_fits_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 4 * 4 * (784 * 16 + 16 + 16 * 10 + 10)  # weights, gradients and the two moments of Adam
    monkeypatch.setattr("dlkit.checks.model.available_memory", lambda: 2 * needed)
    notes = Notes()
    train(settings(MLP, SHORT, data={"batch_size": 56}), tmp_path, data=WHOLE, listener=notes)
    assert any("training and saving need about" in text for text in notes.texts)
    monkeypatch.setattr("dlkit.checks.model.available_memory", lambda: needed)
    with pytest.raises(ConfigError):
        train(settings(MLP), tmp_path)


# A look at it is what is tested, and the same batch everywhere is traced once.
SHORT = {"epochs": 1, **ALONE}
WHOLE = {"train": images(112), "validation": images(56, 112), "test": images(56, 176)}


def one_class_left_out() -> dict[str, Any]:
    x, y = DATA["train"]
    return WHOLE | {"train": (x[y != 3], y[y != 3])}


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        (settings(SMALL, data={"batch_size": 1000}), DATA, "larger than the training split of 112"),
        pytest.param(
            settings(MLP),
            one_class_left_out(),
            "no training example of `label` is of class 3",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            settings(CNN, image={"preprocess": []}, data={"batch_size": 56}),
            WHOLE,
            "`image` reaches 255 after preprocessing",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["batch", "class", "scale"],
)
def test_warnings_are_shown_and_kept_in_the_run(config: Any, data: Any, message: str, tmp_path: Path) -> None:
    notes = Notes()
    made = train(config | {"training": {**SHORT, **SGD}}, tmp_path, data=data, listener=notes)
    assert [text for text in notes.texts if message in text]
    events = [json.loads(line) for line in (made.folder / "events.jsonl").read_text().splitlines()]
    assert [event for event in events if message in event.get("text", "")]


def test_a_healthy_configuration_is_reported_nothing(tmp_path: Path) -> None:
    notes = Notes()
    train(settings(CNN, {"epochs": 1}, data={"batch_size": 56}), tmp_path, data=WHOLE, listener=notes)
    assert notes.texts == []


def test_looking_changes_no_bit_of_the_result(tmp_path: Path) -> None:
    config = settings(SMALL, {**SHORT, **SGD}, data={"batch_size": 56})
    looked = train(config, tmp_path / "looked", data=WHOLE)
    without = run.start(load(config), tmp_path / "without", Listener(), data=WHOLE)
    assert state_digest(looked.folder) == state_digest(without.path)


def test_a_model_that_cannot_be_built_is_reported_by_its_builder(tmp_path: Path) -> None:
    config = settings({"builder": "cnn", "blocks": [{"filters": 4, "kernel_size": 40}]})
    with pytest.raises(ConfigError) as message:
        train(config, tmp_path)
    assert [problem.code for problem in message.value.problems] == ["window-too-large"]


def test_a_sketch_leaves_seeds_and_names_as_they_were() -> None:
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.random()
    keras.layers.Dense(1)  # the first of a process has no number
    before = int(keras.layers.Dense(1).name.rpartition("_")[2])
    random.seed(1)
    np.random.seed(1)
    shape = sketched(lambda: keras.Sequential([keras.Input((10**6,)), keras.layers.Dense(10**9)]).weights[0].shape)
    assert tuple(shape) == (10**6, 10**9)
    assert (random.random(), np.random.random()) == expected
    assert keras.layers.Dense(1).name == f"dense_{before + 1}"
