"""What the caller's process has set decides nothing in a run, and is as it was after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from dlkit.config.problems import RunError
from dlkit.progress import is_terminal, progress_for
from dlkit.training.program.strategy import keras_defaults
from tests import processes
from tests.training.helpers import CNN, DATA, EVEN, MLP, SGD, SMALL, settings, state_digest, train

TESTED = {name: DATA[name] for name in ("train", "test")}


@pytest.mark.parametrize("model", [SMALL, pytest.param(CNN, marks=pytest.mark.slow)], ids=["mlp", "cnn"])
def test_a_global_dtype_policy_changes_no_bit(model: dict, tmp_path: Path) -> None:
    config = settings(
        model, {"epochs": 1, **SGD}, image={"preprocess": [{"resize": {"height": 14, "width": 14}}, "normalize"]}
    )
    plain = train(config, tmp_path / "plain", data=TESTED)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        run = train(config, tmp_path / "set", data=TESTED)
        assert keras.config.dtype_policy().name == "mixed_float16", "the caller's policy is back"
    finally:
        keras.config.set_dtype_policy(before)
    assert state_digest(run.folder) == state_digest(plain.folder)
    assert run.test == plain.test


def test_other_settings_of_keras_are_put_aside_and_back() -> None:
    keras.config.set_floatx("float16")
    keras.config.set_image_data_format("channels_first")
    try:
        with keras_defaults():
            assert keras.config.floatx() == "float32"
            assert keras.config.image_data_format() == "channels_last"
        assert keras.config.floatx() == "float16"
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy("float32")


def test_an_input_that_float16_cannot_hold_is_what_is_blamed(tmp_path: Path) -> None:
    x = np.full((64, 3), 1e5, "float32")
    config = settings(MLP, {"epochs": 1}, runtime={"precision": "mixed_float16"})
    config["data"]["inputs"] = {"size": {"kind": "number", "preprocess": []}}
    with pytest.raises(RunError) as failed:
        train(config, tmp_path, data={"train": (x, np.arange(64) % 10)})
    (problem,) = failed.value.problems
    assert problem.key == ("data", "inputs", "size")
    assert "`size` holds values beyond 65,504, the largest that float16 has" in problem.message
    assert "normalize" in problem.help
    assert "learning rate" not in problem.help


class Mute:
    """A standard output that can do no more than be written to."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("stream", [None, pytest.param(Mute(), marks=pytest.mark.slow)], ids=["none", "without isatty"])
def test_any_standard_output_will_do(stream: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_terminal(stream)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    run = train(settings(SMALL, {"epochs": 1, **SGD}), tmp_path, data=EVEN, listener=progress_for())
    assert run.state == "finished"


def python(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    import os

    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


# One that stands in Keras's file of settings is refused by the same lines, as a test below shows.
@pytest.mark.slow
@pytest.mark.parametrize("first", ["", "import keras; "])
def test_another_backend_of_keras_is_one_line(first: str, tmp_path: Path) -> None:
    ended = python(f"{first}import dlkit; dlkit.mlp(input_shape=(3,), classes=2)", tmp_path, KERAS_BACKEND="jax")
    last = ended.stderr.strip().splitlines()[-1]
    if first and "No module named 'jax'" in last:
        return  # Keras itself has refused it
    assert "dlkit needs Keras's TensorFlow backend, not `jax`" in last


def test_a_backend_of_keras_in_its_file_of_settings_is_seen_too(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    ended = python("import dlkit; dlkit.mlp(input_shape=(3,), classes=2)", tmp_path, KERAS_HOME=str(tmp_path))
    assert "dlkit needs Keras's TensorFlow backend, not `jax`" in ended.stderr.strip().splitlines()[-1]


FORKS = """
import os, sys
import numpy as np
import dlkit

data = {"train": (np.zeros((8, 3), "float32"), np.arange(8) % 2)}
config = {
    "name": "small",
    "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category", "classes": 2}}},
    "model": {"builder": "mlp"},
    "training": {"epochs": 1},
    "runtime": {"compile": "graph"},
}
run = dlkit.train(config, data=data, verbose=False)
child = os.fork()
if child == 0:
    try:
        dlkit.train(config, data=data, verbose=False)
    except dlkit.ConfigError as error:
        print(error, flush=True)
        os._exit(7)
    os._exit(0)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
"""


def test_a_fork_after_training_says_that_it_should_be_spawned(tmp_path: Path) -> None:
    ended = processes.python(FORKS, folder=tmp_path)
    assert ended.stdout.splitlines()[-1] == "7", ended.stderr
    assert "multiprocessing's `spawn` method" in ended.stdout
