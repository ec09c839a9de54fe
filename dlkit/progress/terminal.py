"""Progress on a terminal: a bar for the epoch under way, and a table that grows a row with every epoch."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dlkit.config.problems import Problem
from dlkit.progress.base import (
    Progress,
    diagnosis,
    duration,
    expectations,
    figure,
    figures,
    header,
    next_commands,
    outcome,
    padded,
    shown_columns,
    time_left,
    time_spent,
)
from dlkit.progress.pace import Pace
from dlkit.progress.resizing import ResizableLive
from dlkit.training.listeners import RunPlan


class TerminalProgress(Progress):
    """A live bar, and one line kept for each epoch."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._live: ResizableLive | None = None
        self._plan: RunPlan | None = None
        self._pace: Pace | None = None
        self._logs: dict[str, float] = {}
        self._notes: list[str] = []
        self._columns: list[str] = []

    def working(self, what: str) -> None:
        self._show(Spinner("dots", Text(f"{what} …", style="dim")))

    def preparing(self, done: int, total: int) -> None:
        line = Table.grid(padding=(0, 2), expand=True)
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True, justify="right")
        bar = ProgressBar(total=total, completed=done, complete_style="cyan", finished_style="cyan")
        line.add_row("preparing examples", bar, f"{done:,}/{total:,}")
        self._show(line)

    def started(self, plan: RunPlan) -> None:
        self.close()
        self._plan, self._pace = plan, Pace(plan)
        self._print(Text(plan.name, style="bold"))
        for word, value in padded(header(plan)):
            self._print(Text.assemble(("  " + word + "  ", "dim"), value))
        for note in self._notes:
            self._print_note(note)
        self._print("")
        self._show(Spinner("dots", Text("compiling …", style="dim")))

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        assert self._pace is not None
        self._pace.progressed(epoch, step, rate)
        self._logs = logs
        self._show(self._bar())

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        assert self._plan is not None and self._pace is not None
        if not self._columns:
            self._columns = self._fitting(shown_columns(row))
            titles = "".join(f"  {name:>{_width(name)}}" for name in self._columns)
            self._print(Text(f"{'epoch':>{self._epoch_width()}}{titles}  {'time':>6}", style="dim"))
        epoch = f"{row['epoch']}/{self._plan.epochs}"
        cells = "".join(f"  {figure(row[name]):>{_width(name)}}" for name in self._columns)
        line = Text(f"{epoch:>{self._epoch_width()}}{cells}  {duration(seconds):>6}")
        if best:
            line.append("  best", style="green")
        self._print(line)
        self._pace.epoch_ended(row["epoch"], seconds)
        self._logs = {}
        if row["epoch"] < self._plan.epochs:
            self._show(self._bar())
        else:
            self._show(Spinner("dots", Text("testing and saving …", style="dim")))

    def noted(self, kind: str, text: str) -> None:
        if self._plan is None:
            self._notes.append(text)
        else:
            self._print_note(text)

    def found(self, finding: Problem) -> None:
        self._console.print(Text.assemble(("health: ", "magenta"), diagnosis(finding)))

    def finished(self, result: dict[str, Any]) -> None:
        self.close()
        self._print("")
        monitor = self._plan.monitor if self._plan else None
        for word, value in padded([*outcome(result, monitor), ("run", result["folder"])]):
            self._print(Text.assemble((f"{word}  ", "dim"), (value, "bold" if word.startswith("test") else "")))
        for what, spent in padded(time_spent(result)):
            self._print(Text.assemble((f"{what}  ", "dim"), spent))
        for holds, line in expectations(result):
            mark, style = ("✓", "green") if holds else ("✗", "red")
            self._print(Text.assemble((f"{mark} expected {line}", style)))
        self._print("")
        for purpose, command in padded(next_commands(result)):
            self._print(Text.assemble((f"to {purpose}  ", "dim"), command))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _bar(self) -> RenderableType:
        """The epoch under way: where it is, how fast, how much longer, and its figures below."""
        assert self._plan is not None and self._pace is not None
        plan, pace = self._plan, self._pace
        line = Table.grid(padding=(0, 2), expand=True)
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True, justify="right")
        line.add_column(no_wrap=True, justify="right")
        speed = f"{pace.rate:,.0f} examples/s" if pace.rate else ""
        left = pace.epoch_left(), pace.run_left()
        time = "" if None in left else f"{time_left(left[0] or 0)} left, run {time_left(left[1] or 0)}"
        steps = f"{pace.step:>{len(str(plan.steps))}}/{plan.steps}"
        bar = ProgressBar(total=plan.steps, completed=pace.step, complete_style="cyan", finished_style="cyan")
        line.add_row(f"epoch {pace.epoch}/{plan.epochs}", bar, f"{steps}  {speed}", Text(time, style="dim"))
        return Group(line, Text(f"  {figures(self._logs)}"))

    def _show(self, what: RenderableType) -> None:
        """Put something that will be replaced at the bottom of the screen."""
        if self._live is None:
            self._live = ResizableLive(what, self._console)
            self._live.start()
        else:
            self._live.show(what)

    def _print(self, what: RenderableType) -> None:
        self._console.print(what, soft_wrap=True)

    def _print_note(self, text: str) -> None:
        self._console.print(Text.assemble(("note: ", "yellow"), text))

    def _epoch_width(self) -> int:
        return max(5, 2 * len(str(self._plan.epochs if self._plan else 0)) + 1)

    def _fitting(self, names: list[str]) -> list[str]:
        """The columns that fit the screen: loss and validation come before the metrics of training."""
        space = self._console.width - self._epoch_width() - len("  123.4 s  best")
        chosen: set[str] = set()
        for name in sorted(names, key=lambda n: not (n == "loss" or n.startswith("val_"))):
            if space >= (needed := _width(name) + 2):
                space -= needed
                chosen.add(name)
        return [name for name in names if name in chosen]


def _width(name: str) -> int:
    return max(len(name), len("0.1234"))
