"""Progress in a notebook: one table that grows with the epochs and a line below it, updated in place."""

from __future__ import annotations

import contextlib
import time
from html import escape
from importlib import import_module
from typing import Any

from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.progress.base import (
    diagnosis,
    duration,
    expectations,
    figure,
    figures,
    outcome,
    shown_columns,
    time_left,
)
from dlkit.progress.pace import Pace
from dlkit.progress.plain import PlainProgress
from dlkit.training.listeners import RunPlan

UPDATE_SECONDS = 0.5
SHOWN_EPOCHS = 20


class NotebookProgress(PlainProgress):
    """A compact table; plain lines where the notebook cannot show HTML."""

    def __init__(self) -> None:
        super().__init__()
        # IPython comes with the notebook, and has no types.
        self._display: Any = None
        with contextlib.suppress(ImportError):
            self._display = import_module("IPython.display")
        self._handle: Any = None
        self._rows: list[tuple[dict[str, Any], bool, float]] = []
        self._pace: Pace | None = None
        self._line = ""
        self._said: list[str] = []
        self._updated = 0.0

    def started(self, plan: RunPlan) -> None:
        self._plan, self._pace = plan, Pace(plan)
        self._said = [f"note: {note}" for note in self._notes]
        self._line = "compiling …"
        if self._display is not None:
            self._handle = self._display.display(self._display.HTML(self._html()), display_id=True)
        if self._handle is None:  # no IPython, or outside of a kernel
            super().started(plan)

    def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
        if self._handle is None or self._pace is None or self._plan is None:
            return
        self._pace.progressed(epoch, step, rate)
        left = self._pace.run_left()
        self._line = (
            f"epoch {epoch}/{self._plan.epochs}, step {step}/{self._plan.steps}: {figures(logs)}"
            f"  {self._pace.rate or rate:,.0f} examples/s" + (f", {time_left(left)} left" if left is not None else "")
        )
        # The notebook keeps up with some updates a second, no more.
        if time.monotonic() - self._updated > UPDATE_SECONDS:
            self._update()

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        if self._handle is None or self._pace is None:
            super().epoch_ended(row, best, seconds)
            return
        self._pace.epoch_ended(row["epoch"], seconds)
        self._rows.append((row, best, seconds))
        self._line = ""
        self._update()

    def noted(self, kind: str, text: str) -> None:
        if self._handle is None:
            super().noted(kind, text)
            return
        self._said.append(f"note: {text}")
        self._update()

    def found(self, finding: Problem) -> None:
        if self._handle is None:
            super().found(finding)
            return
        self._said.append(f"health: {diagnosis(finding)}")
        self._update()

    def finished(self, result: dict[str, Any]) -> None:
        if self._handle is None:
            super().finished(result)
            return
        lines = [f"{word}: {value}" for word, value in outcome(result, self._plan.monitor if self._plan else None)]
        lines += [f"expected {line}: {'met' if holds else 'MISSED'}" for holds, line in expectations(result)]
        self._line = "\n".join([*lines, f"run: {result['folder']}"])
        self._update()

    def _update(self) -> None:
        assert self._display is not None
        self._updated = time.monotonic()
        self._handle.update(self._display.HTML(self._html()))

    def _html(self) -> str:
        assert self._plan is not None
        plan = self._plan
        about = f"{count(plan.parameters, 'parameter')}, {count(plan.epochs, 'epoch')} of {count(plan.steps, 'step')}"
        parts = [f"<div><b>{escape(plan.name)}</b> {escape(about)}</div>"]
        parts += [f"<div>{escape(line)}</div>" for line in self._said]
        if self._rows:
            names = shown_columns(self._rows[0][0])
            parts.append(
                "<table><tr>" + "".join(f"<th>{escape(n)}</th>" for n in ["epoch", *names, "time", ""]) + "</tr>"
            )
            if len(self._rows) > SHOWN_EPOCHS:
                hidden = count(len(self._rows) - SHOWN_EPOCHS, "epoch")
                parts.append(f"<tr><td colspan={len(names) + 3}>… {hidden} before</td></tr>")
            for row, best, seconds in self._rows[-SHOWN_EPOCHS:]:
                cells = [str(row["epoch"]), *(figure(row[n]) for n in names), duration(seconds), "best" if best else ""]
                parts.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
            parts.append("</table>")
        parts.append(f"<pre>{escape(self._line)}</pre>" if self._line else "")
        return "".join(parts)
