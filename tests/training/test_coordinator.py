"""Every decision by a local clock or signal is one that all processes of a run take together."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlkit.runs import RunFolder
from dlkit.training import loop
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.coordinator import Coordinator
from dlkit.training.interrupts import Interrupted
from dlkit.training.listeners import Listener
from tests.training.helpers import EVEN, SGD, SMALL, finished, resume, settings, state_digest, train


class Elsewhere(Coordinator):
    """Two processes, of which the other is slower, and says yes to one question."""

    def __init__(self, yes_at: int | None = None) -> None:
        self.asked, self.yes_at = 0, yes_at

    def min(self, number: int) -> int:
        return min(number, 2)

    def any(self, flag: bool) -> bool:
        self.asked += 1
        return flag or (self.yes_at is not None and self.asked == self.yes_at)


class Chunks(Listener):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        self.steps.append(step)


def test_a_process_alone_follows_its_own_word() -> None:
    alone = Coordinator()
    assert (alone.min(7), alone.any(False), alone.any(True), alone.is_chief) == (7, False, True, True)


def test_chunks_are_as_long_as_the_slowest_process_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "make_coordinator", Elsewhere)
    chunks = Chunks()
    run = train(settings(SMALL, {"health": "off", **SGD}), tmp_path / "two", data=EVEN, listener=chunks)
    assert chunks.steps == [2, 4, 6, 7] * 3
    monkeypatch.undo()
    one = finished(settings(SMALL, {"health": "off", **SGD}), tmp_path / "one", data=EVEN)
    assert state_digest(run.folder) == state_digest(one.folder)


def test_a_signal_to_another_process_ends_this_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each chunk asks whether to look, whether time is over, whether a signal came; the third asks with the ninth.
    whole = finished(settings(SMALL, {"health": "off", **SGD}), tmp_path / "whole", data=EVEN)
    monkeypatch.setattr(loop, "make_coordinator", lambda: Elsewhere(yes_at=9))
    with pytest.raises(Interrupted) as ended:
        train(settings(SMALL, {"health": "off", **SGD}), tmp_path / "cut", data=EVEN)
    assert ended.value.exit_status == 143
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    assert RunFolder(folder).read_state()["state"] == "interrupted"
    assert checkpoints.newest(folder / "checkpoints")[0].name == "step-0000000006"
    monkeypatch.undo()
    resume(folder, data=EVEN)
    assert state_digest(folder) == state_digest(whole.folder)


def test_another_clock_that_runs_out_ends_this_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "make_coordinator", lambda: Elsewhere(yes_at=5))
    run = train(settings(SMALL, {"health": "off", "max_time": "9h", **SGD}), tmp_path, data=EVEN)
    assert len(run.history["epoch"]) == 1
    assert "`training.max_time` of 9h is over" in (run.folder / "train.log").read_text()
