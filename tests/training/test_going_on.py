"""A run that is finished trains on, or says clearly why it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dlkit
from dlkit.config.problems import ConfigError
from dlkit.runs import RunFolder
from dlkit.training.listeners import Listener
from tests.training.helpers import EVEN, SGD, SMALL, VALIDATED, finished, settings, state_digest, train


class Heard(Listener):
    """Keeps the notes and the result of a run."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.result: dict[str, Any] = {}

    def noted(self, kind: str, text: str) -> None:
        self.notes.append((kind, text))

    def finished(self, result: dict[str, Any]) -> None:
        self.result = result


def stopped_early(tmp_path: Path) -> dlkit.Run:
    config = settings(SMALL, {"early_stopping": {"patience": 1, "min_delta": 100.0}, "epochs": 9, **SGD})
    return finished(config, tmp_path, data=VALIDATED)


def test_more_epochs_after_an_early_stop_are_refused_in_python_too(tmp_path: Path) -> None:
    run = stopped_early(tmp_path)
    done = run.history["epoch"]
    with pytest.raises(ConfigError, match="stopped early: val_loss has not improved") as failed:
        run.resume({"training.epochs": 60}, verbose=False)
    assert "training.init_from" in failed.value.problems[0].help
    assert run.history["epoch"] == done
    assert run.state == "finished"
    assert run.config.training.epochs == 9, "the run keeps the settings that it was trained with"


def test_more_patience_trains_on(tmp_path: Path) -> None:
    run = stopped_early(tmp_path)
    run.resume({"training.early_stopping.patience": 3}, allow_change=True, verbose=False)
    assert run.history["epoch"] == [1, 2, 3, 4]


def test_no_more_epochs_than_there_are_is_said(tmp_path: Path) -> None:
    run = finished(settings(SMALL, {"epochs": 2, **SGD}), tmp_path, data=EVEN)
    with pytest.raises(ConfigError, match=r"is finished, after 2 epochs; .*training\.epochs=4"):
        run.resume({"training.epochs": 2, "training.max_steps": 100}, verbose=False)
    run.resume(verbose=False)
    assert run.history["epoch"] == [1, 2]


def test_a_raised_max_steps_trains_on_as_if_it_had_been_there(tmp_path: Path) -> None:
    whole = train(settings(SMALL, {"max_steps": 21, "epochs": 9, **SGD}), tmp_path / "whole", data=EVEN)
    run = finished(settings(SMALL, {"max_steps": 14, "epochs": 9, **SGD}), tmp_path / "cut", data=EVEN)
    with pytest.raises(ConfigError, match=r"`training.max_steps` of 14 updates is reached; .*training\.max_steps=28"):
        run.resume({"training.epochs": 60}, verbose=False)
    run.resume({"training.max_steps": 21}, verbose=False)
    assert state_digest(run.folder) == state_digest(whole.folder)


def test_a_limit_that_ended_an_epoch_before_its_end_says_what_is_left_out(tmp_path: Path) -> None:
    run = train(settings(SMALL, {"max_steps": 10, "epochs": 9, **SGD}), tmp_path, data=EVEN)
    from dlkit.training import run as runner

    heard = Heard()
    loaded = dlkit.load_config(run.folder / "config.yaml", {"training.max_steps": 20}, needs_source=False)
    runner.resume(loaded, RunFolder(run.folder), heard, data=EVEN)
    assert run.history["epoch"] == [1, 2, 3, 4]
    assert ("trains-on", "training goes on with epoch 3; what was left of epoch 2 when the run ended is left out") in (
        heard.notes
    )


def test_a_schedule_that_max_steps_ended_keeps_its_course(tmp_path: Path) -> None:
    run = train(settings(SMALL, {"max_steps": 14, "epochs": 9, "schedule": "cosine", **SGD}), tmp_path, data=EVEN)
    with pytest.raises(ConfigError, match="the cosine schedule ended after 14 updates at a learning rate of 0"):
        run.resume({"training.max_steps": 28}, verbose=False)
    assert run.state == "finished"


@pytest.mark.parametrize(
    ("training", "words"),
    [
        pytest.param({"epochs": 2}, "training.epochs=4", marks=pytest.mark.slow),
        pytest.param({"epochs": 9, "max_steps": 10}, "training.max_steps=20", marks=pytest.mark.slow),
        ({"epochs": 2, "max_steps": 10}, "training.max_steps=20 training.epochs=4"),
        pytest.param({"fast_dev_run": True}, "", marks=pytest.mark.slow),
        ({"epochs": 9, "early_stopping": {"patience": 1, "min_delta": 100.0}}, ""),
    ],
)
def test_what_is_proposed_at_the_end_is_what_makes_it_train_on(
    training: dict[str, Any], words: str, tmp_path: Path
) -> None:
    heard = Heard()
    train(settings(SMALL, {**training, **SGD}), tmp_path, data=VALIDATED, listener=heard)
    assert heard.result["train_on"] == words


# Short runs keep the configuration that they were given.


@pytest.mark.parametrize(
    "short",
    [
        {"fast_dev_run": True},
        pytest.param({"limit_batches": 2}, marks=pytest.mark.slow),
        pytest.param({"overfit_batches": 1}, marks=pytest.mark.slow),
    ],
    ids=lambda short: next(iter(short)),
)
def test_the_configuration_of_a_short_run_is_accepted_again(short: dict[str, Any], tmp_path: Path) -> None:
    training = {"epochs": 6, "schedule": {"name": "cosine", "warmup_epochs": 5}, **SGD, **short}
    run = train(settings(SMALL, training), tmp_path)
    assert run.config.training.schedule.warmup_epochs == 5  # type: ignore[union-attr]
    assert run.evaluate()["loss"] > 0
    assert len(run.resume(verbose=False).history["epoch"]) == len(run.history["epoch"])
    again = train(dict(dlkit.load_config(run.folder / "config.yaml", needs_source=False).resolved()), tmp_path / "b")
    assert state_digest(again.folder) == state_digest(run.folder)


def test_a_fast_dev_run_cannot_train_on(tmp_path: Path) -> None:
    run = finished(settings(SMALL, {"fast_dev_run": True, **SGD}), tmp_path, data=EVEN)
    with pytest.raises(ConfigError, match="is finished, after 1 epoch;"):
        run.resume({"training.epochs": 20}, verbose=False)
