"""What a person sees of a run: recorded from a terminal, a pipe and a notebook."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
import types
from typing import Any

import pytest
from rich.console import Console

from dlkit.progress import progress_for
from dlkit.progress.base import Progress, duration, figure, time_left
from dlkit.progress.notebook import NotebookProgress
from dlkit.progress.pace import Pace
from dlkit.progress.plain import PlainProgress, QuietProgress
from dlkit.progress.terminal import TerminalProgress
from dlkit.training.listeners import RunPlan

PLAN = RunPlan(
    name="digits",
    folder="runs/digits/1",
    epochs=3,
    first_epoch=1,
    steps=10,
    examples={"train": 1000, "validation": 100, "test": 200},
    parameters=1234,
    monitor="val_loss",
    mode="min",
    compiled="xla",
    devices=("CPU:0",),
)


def row(epoch: int, **more: float) -> dict[str, Any]:
    return {"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.9, "val_loss": 0.5, "val_accuracy": 0.8, **more}


RESULT = {
    "folder": "runs/digits/1",
    "epoch": 2,
    "test": {"loss": 0.25, "accuracy": 0.875},
    "expects": [("test_accuracy", ">= 0.99", 0.875, False), ("val_loss", "<= 1", 0.5, True)],
}


def play(progress: Progress) -> None:
    """A whole run."""
    progress.working("loading TensorFlow")
    progress.noted("data", "a copy was used")
    progress.started(PLAN)
    for epoch in (1, 2, 3):
        for step in (4, 10):
            progress.progressed(epoch, step, 5000.0, {"loss": 0.75, "accuracy": 0.5})
        progress.epoch_ended({**row(epoch), "learning_rate": 0.001}, epoch == 2, 2.5)
    progress.noted("early-stopping", "stopped early")
    progress.finished(RESULT)
    progress.close()


def on_terminal(width: int) -> str:
    out = io.StringIO()
    play(TerminalProgress(Console(file=out, width=width, force_terminal=True, color_system=None, highlight=False)))
    return out.getvalue()


def test_a_pipe_gets_plain_lines() -> None:
    out = io.StringIO()
    play(PlainProgress(out))
    lines = out.getvalue().splitlines()
    assert "\x1b" not in out.getvalue()
    assert lines[0] == "digits"
    assert "note: a copy was used" in lines
    assert "epoch 2/3  loss 0.5000  accuracy 0.9000  val_loss 0.5000  val_accuracy 0.8000  2.5 s  best" in lines
    assert "expected test_accuracy >= 0.99, got 0.8750: MISSED" in lines
    assert "expected val_loss <= 1, got 0.5000: met" in lines
    assert "learning_rate" not in out.getvalue()


def test_quiet_gives_the_result_alone() -> None:
    out = io.StringIO()
    play(QuietProgress(out))
    assert [line.split()[0] for line in out.getvalue().splitlines()] == [
        "test",
        "weights",
        "run",
        "expected",
        "expected",
    ]


def test_a_reader_that_leaves_does_not_end_the_run() -> None:
    code = (
        "from tests.progress.test_progress import PlainProgress, play\n"
        "play(PlainProgress())\n"
        "import pathlib, sys\n"
        "print('played', file=sys.stderr)\n"
    )
    command = f"{sys.executable} -c {shlex.quote(code)} | true"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert ended.stderr == "played\n"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_bar_table_and_result(width: int) -> None:
    shown = on_terminal(width)
    for text in ("digits", "note: a copy was used", "1/3", "best", "test", "✗ expected", "✓ expected", "dlkit predict"):
        assert text in shown
    table = [line for line in shown.splitlines() if "val_loss" in line and "time" in line]
    assert table
    assert len(table[0].split("\r")[-1].rstrip()) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_bar_shows_place_speed_and_time_left(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, record=True)
    progress = TerminalProgress(console)
    progress.started(PLAN)
    progress.progressed(1, 4, 100.0, {"loss": 0.75, "accuracy": 0.5})
    progress.close()
    console.export_text()
    console.print(progress._bar())
    bar, logs = console.export_text().splitlines()
    assert len(bar) <= width
    assert bar.startswith("epoch 1/3")
    assert "━" in bar
    for text in ("4/10", "100 examples/s", "6 s left, run 26 s")[: 3 if width >= 80 else 1]:
        assert text in bar
    assert logs.strip() == "loss 0.7500  accuracy 0.5000"


def test_the_cursor_comes_back_when_a_run_breaks_off() -> None:
    out = io.StringIO()
    progress = TerminalProgress(Console(file=out, width=80, force_terminal=True, color_system=None))
    progress.started(PLAN)
    assert out.getvalue().rfind("\x1b[?25l") > out.getvalue().rfind("\x1b[?25h")  # hidden
    progress.close()
    progress.close()
    assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l")


def test_many_metrics_leave_out_columns_rather_than_break_lines() -> None:
    out = io.StringIO()
    progress = TerminalProgress(Console(file=out, width=60, force_terminal=True, color_system=None))
    progress.started(PLAN)
    progress.epoch_ended(row(1, **{f"metric_{i}": 0.5 for i in range(9)}), True, 1.0)
    progress.close()
    lines = [
        line.split("\r")[-1] for line in out.getvalue().splitlines() if "val_loss" in line or line.strip()[:3] == "1/3"
    ]
    assert all(len(line) <= 60 for line in lines)
    assert any("val_accuracy" in line for line in lines)


class Display:
    """Stands for a notebook's output cell."""

    def __init__(self, *, works: bool) -> None:
        self.shown: list[str] = []
        self.works = works

    def HTML(self, html: str) -> str:  # noqa: N802
        return html

    def display(self, html: str, display_id: bool) -> Any:
        self.shown.append(html)
        return self if self.works else None

    def update(self, html: str) -> None:
        self.shown.append(html)


def test_a_notebook_updates_one_table() -> None:
    progress = NotebookProgress()
    progress._display = display = Display(works=True)
    play(progress)
    last = display.shown[-1]
    assert last.count("<tr>") == 4
    assert "note: a copy was used" in last
    assert "accuracy 0.8750" in last
    assert "expected test_accuracy &gt;= 0.99" in last


def test_a_notebook_without_html_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for display in (None, Display(works=False)):
        progress = NotebookProgress()
        progress._display = display
        play(progress)
        assert "epoch 2/3  loss 0.5000" in capsys.readouterr().out


def test_the_listener_suits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(progress_for(False)) is Progress
    assert type(progress_for(0)) is Progress
    assert type(progress_for()) is PlainProgress
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert type(progress_for()) is TerminalProgress
    monkeypatch.setenv("TERM", "dumb")
    assert type(progress_for()) is PlainProgress
    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    assert type(progress_for()) is NotebookProgress


def test_time_left_follows_from_the_rate_and_from_whole_epochs() -> None:
    pace = Pace(PLAN)
    assert pace.epoch_left() is None
    pace.progressed(1, 5, 100.0)
    assert pace.epoch_left() == pytest.approx(5.0)
    assert pace.run_left() == pytest.approx(25.0)  # two epochs of 10 seconds more
    pace.epoch_ended(1, 12.0)
    pace.progressed(2, 5, 100.0)
    assert pace.run_left() == pytest.approx(17.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.1235"),
        (0.0, "0.0000"),
        (1e-5, "1.000e-05"),
        (1234.5, "1234.50"),
        (float("nan"), "nan"),
        (None, "-"),
    ],
)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_durations() -> None:
    assert [duration(s) for s in (0.84, 42, 187, 3750)] == ["0.8 s", "42 s", "3:07", "1:02:30"]
    assert time_left(7.6) == "8 s"
