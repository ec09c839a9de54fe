"""dlkit train: what it prints, where it writes, how it fails and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from dlkit.runs import RunFolder
from dlkit.schema import loader
from tests.training.helpers import state_digest

Dlkit = Callable[..., Result]

FIVE_MISTAKES = """\
name: five mistakes
data:
  source: {kind: npz, path: digits.npz}
  inputs: {image: {kind: picture}}
  targets: {label: {kind: category, clases: 10}}
  batch_size: 0
model: {builder: mlp, dense: many}
"""


def test_a_pipe_gets_a_line_per_epoch_and_the_result(dlkit: Dlkit, tmp_path: Path) -> None:
    result = dlkit("train", "small.yaml", "--runs", tmp_path)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "small"
    assert "208 train, 50 validation, 70 test" in result.stdout
    assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["1/2", "2/2"]
    assert any(line.startswith("epoch 1/2") and "val_accuracy" in line and line.endswith("best") for line in lines)
    assert any(line.startswith("test ") and "accuracy" in line for line in lines)
    assert "expected test_accuracy >= 0.0" in result.stdout
    assert "dlkit predict" in result.stdout
    assert result.stderr == ""


def test_quiet_shows_the_result_alone(dlkit: Dlkit, tmp_path: Path) -> None:
    lines = dlkit("train", "small.yaml", "--runs", tmp_path, "--quiet", "training.epochs=1").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["test", "baseline", "weights", "run", "expected"]


def test_json_is_the_whole_output(report: dict[str, Any]) -> None:
    assert report["ok"]
    assert set(report["test"]) == {"loss", "accuracy"}
    assert [row["epoch"] for row in report["history"]] == [1, 2]
    assert report["expects"][0]["holds"] is True
    assert RunFolder(Path(report["folder"])).read_state()["state"] == "finished"


def test_verify_fails_where_an_expectation_is_missed(dlkit: Dlkit, tmp_path: Path) -> None:
    words = ["train", "small.yaml", "--runs", tmp_path, "expects.test_accuracy=>= 1.1", "training.epochs=1"]
    result = dlkit(*words, "--verify")
    assert result.exit_code == 1
    assert "error[expectation-missed]" in result.stderr
    assert dlkit(*words).exit_code == 0


def test_a_missed_expectation_is_part_of_the_json(dlkit: Dlkit, tmp_path: Path) -> None:
    words = ["train", "small.yaml", "--runs", tmp_path, "expects.test_accuracy=>= 1.1", "training.epochs=1"]
    result = dlkit(*words, "--verify", "--json")
    message = json.loads(result.stdout)
    assert (result.exit_code, message["ok"], message["exit_status"]) == (1, False, 1)
    assert message["problems"][0]["code"] == "expectation-missed"
    assert set(message["test"]) == {"loss", "accuracy"}


def test_a_loss_that_is_no_number_fails_the_run(dlkit: Dlkit, tmp_path: Path) -> None:
    words = ["train", "small.yaml", "--runs", tmp_path, "training.optimizer={name: sgd, learning_rate: 1.0e+30}"]
    result = dlkit(*words)
    assert result.exit_code == 1
    assert "error[loss-not-finite]" in result.stderr
    folder = RunFolder(tmp_path / "small" / "latest")
    assert folder.read_state()["state"] == "failed"


def test_a_run_that_stopped_early_says_so(dlkit: Dlkit, tmp_path: Path) -> None:
    stop = "training.early_stopping={patience: 1, min_delta: 100.0}"
    assert dlkit("train", "small.yaml", "--runs", tmp_path, "training.epochs=9", stop).exit_code == 0
    for words in ([], ["training.epochs=20"]):
        result = dlkit("train", "--resume", "small", "--runs", tmp_path, *words)
        assert result.exit_code == 2
        assert "stopped early" in result.stderr
        assert "training.init_from" in result.stderr


def test_what_is_proposed_after_max_steps_is_accepted(dlkit: Dlkit, tmp_path: Path) -> None:
    words = ["train", "small.yaml", "--runs", tmp_path, "training.epochs=9", "training.max_steps=26"]
    ended = dlkit(*words)
    assert ended.exit_code == 0, ended.output
    last = ended.stdout.splitlines()[-1]
    assert "training.max_steps=52" in last
    finished = dlkit("train", "--resume", "small", "--runs", tmp_path, "training.epochs=60")
    assert finished.exit_code == 0
    assert "`training.max_steps` of 26 updates is reached; to train on: dlkit train --resume" in finished.stdout
    resumed = dlkit(*last[last.index("dlkit train") :].split()[1:])
    assert resumed.exit_code == 0, resumed.output
    assert len(RunFolder(tmp_path / "small" / "latest").read_history()) == 4


def test_five_mistakes_are_reported_at_once(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "five.yaml").write_text(FIVE_MISTAKES)
    result = dlkit("train", tmp_path / "five.yaml", "--runs", tmp_path / "runs")
    assert result.exit_code == 2
    assert result.stderr.count("error[") == 5
    assert "5 errors" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "runs").exists()


def test_mistakes_as_json(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "five.yaml").write_text(FIVE_MISTAKES)
    result = dlkit("train", tmp_path / "five.yaml", "--json")
    message = json.loads(result.stdout)
    assert (message["ok"], message["exit_status"], result.exit_code) == (False, 2, 2)
    assert {p["location"]["line"] for p in message["problems"]} == {1, 4, 5, 6, 7}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs a configuration"),
        (["training.epochs=3"], "not an override"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["small.yaml", "training.epochs"], "training.epochs"),
        (["--resume", "nothing"], "there is no run `nothing`"),
    ],
)
def test_mistakes_of_the_command_line(dlkit: Dlkit, words: list[str], message: str) -> None:
    result = dlkit("train", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_runs_folder_that_cannot_be_made_is_reported(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    result = dlkit("train", "small.yaml", "--runs", tmp_path / "runs")
    assert result.exit_code == 1
    assert "error[run-folder-not-made]" in result.stderr
    assert "--runs DIR" in result.stderr


def test_damaged_data_fail_the_run(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nonsense")
    result = dlkit("train", "small.yaml", f"data.source.path={tmp_path / 'bad.npz'}", "--runs", tmp_path)
    assert result.exit_code == 1
    assert "bad.npz" in result.stderr


def test_a_bug_is_one_line_and_a_traceback_only_on_request(
    dlkit: Dlkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("dlkit.training.run.start", broken)
    result = dlkit("train", "small.yaml", "--runs", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "internal error: ZeroDivisionError: by accident; this is a bug in dlkit; "
        "run with --debug to see where it comes from"
    ]
    assert "Traceback" in dlkit("train", "small.yaml", "--runs", tmp_path, "--debug").stderr
    assert "Traceback" in dlkit("train", "small.yaml", "--runs", tmp_path, env={"DLKIT_DEBUG": "1"}).stderr


def test_a_finished_run_says_how_to_train_on(dlkit: Dlkit, trained: Path) -> None:
    result = dlkit("train", "--resume", trained)
    assert result.exit_code == 0
    assert "is finished, after 2 epochs" in result.stdout
    assert "training.epochs=4" in result.stdout


def test_a_finished_run_trains_on_with_more_epochs(dlkit: Dlkit, copied: Path, tmp_path: Path) -> None:
    result = dlkit("train", "--resume", "small", "--runs", tmp_path, "training.epochs=4")
    assert result.exit_code == 0, result.output
    assert "resumed  at epoch 3" in result.stdout
    folder = RunFolder(copied)
    assert [row["epoch"] for row in folder.read_history()] == [1, 2, 3, 4]
    assert loader.load(folder.config).config.training.epochs == 4  # an interrupted extension goes on to its end
    assert "is finished, after 4 epochs" in dlkit("train", "--resume", folder.path).stdout


def test_other_settings_cannot_change_on_resume(dlkit: Dlkit, trained: Path) -> None:
    result = dlkit("train", "--resume", trained, "data.batch_size=8", "seed=9", "training.epochs=9")
    assert result.exit_code == 2
    assert result.stderr.count("error[not-on-resume]") == 2
    assert "`data.batch_size`" in result.stderr
    assert "`seed`" in result.stderr
    assert "--allow-change" in result.stderr
    result = dlkit("train", "small.yaml", "--resume", trained)
    assert result.exit_code == 2
    assert "takes the place of a configuration" in result.stderr


@pytest.mark.usefixtures("copied")
def test_the_checkpoint_refuses_what_makes_no_sense(dlkit: Dlkit, tmp_path: Path) -> None:
    words = ["train", "--resume", "small", "--runs", tmp_path, "--allow-change", "training.epochs=3"]
    result = dlkit(*words, "model.dense=[9]")
    assert result.exit_code == 1
    assert "error[checkpoint-of-another-run]" in result.stderr
    result = dlkit(*words, "training.optimizer.learning_rate=0.5")
    assert result.exit_code == 0, result.output
    folder = RunFolder(tmp_path / "small" / "latest")
    assert [row["learning_rate"] for row in folder.read_history()] == pytest.approx([0.01, 0.01, 0.5])


def test_the_configuration_of_an_unfinished_run_hints_at_resume(dlkit: Dlkit, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((trained / "config.yaml").read_text())
    words = ["train", tmp_path / "config.yaml", "--runs", tmp_path, "--quiet", "training.epochs=1"]
    assert dlkit(*words).stderr == ""
    RunFolder(tmp_path).set_state("interrupted")
    message = dlkit(*words).stderr
    assert message.splitlines() == [
        f"note: that run is interrupted, and this is a new one; to go on with it: dlkit train --resume {tmp_path}"
    ]


WAITING = """\
import pathlib
import sys
import time

import keras

print("from the plug-in", file=sys.stderr)


class Waiting(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        while epoch == 1 and not pathlib.Path(__file__).with_name("signal was sent").exists():
            time.sleep(0.01)


callbacks = {"waiting": Waiting}
"""


def test_an_interrupted_run_goes_on_to_the_same_result_and_a_plug_in_that_imports_keras_brings_no_chatter(
    dlkit: Dlkit, workspace: Path, tmp_path: Path
) -> None:
    # The second epoch does not end before the signal was sent, however slow this process is.
    (tmp_path / "waiting.py").write_text(WAITING)
    settings = [f"plugins=[{tmp_path / 'waiting.py'}]", "training.callbacks=[waiting]", "training.checkpoints.keep=1"]
    settings += ["training.epochs=4"]
    command = [sys.executable, "-m", "dlkit", "train", "small.yaml", "--runs", str(tmp_path / "cut"), *settings]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    process = subprocess.Popen(
        command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch "):
            break
    process.send_signal(signal.SIGINT)
    (tmp_path / "signal was sent").touch()
    _, message = process.communicate()
    assert process.returncode == 130, message
    assert "a checkpoint is saved" in message
    assert "dlkit train --resume" in message
    said, *others = message.splitlines()
    assert said == "from the plug-in"
    assert [line for line in others if line.startswith(" ")] == others[1:], "nothing but the message, whole"
    cut = (tmp_path / "cut" / "small" / "latest").resolve()
    assert RunFolder(cut).read_state()["state"] == "interrupted"
    assert list((cut / "checkpoints").glob("step-*"))
    resumed = dlkit("train", "--resume", "latest", "--runs", tmp_path / "cut", "--quiet")
    assert resumed.exit_code == 0, resumed.output
    whole = dlkit("train", "small.yaml", "--runs", tmp_path / "whole", "--quiet", *settings)
    assert whole.exit_code == 0, whole.output
    assert state_digest(cut) == state_digest((tmp_path / "whole" / "small" / "latest").resolve())
