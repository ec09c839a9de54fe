"""Progress for pipes and log files: a line when something ended, nothing that moves."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from dlkit.config.problems import Problem
from dlkit.progress.base import (
    Progress,
    diagnosis,
    duration,
    expectations,
    figures,
    header,
    leave_pipe,
    next_commands,
    outcome,
    padded,
    shown_columns,
    time_spent,
)
from dlkit.training.listeners import RunPlan


class PlainProgress(Progress):
    """One line for each epoch."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._plan: RunPlan | None = None
        self._notes: list[str] = []

    def started(self, plan: RunPlan) -> None:
        self._plan = plan
        self._print(plan.name)
        for word, value in padded(header(plan)):
            self._print(f"  {word}  {value}")
        for note in self._notes:
            self._print(f"note: {note}")

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        assert self._plan is not None
        epochs = str(self._plan.epochs)
        shown = figures({name: row[name] for name in shown_columns(row)})
        mark = "  best" if best else ""
        self._print(f"epoch {row['epoch']:>{len(epochs)}}/{epochs}  {shown}  {duration(seconds)}{mark}")

    def noted(self, kind: str, text: str) -> None:
        if self._plan is None:
            self._notes.append(text)
        else:
            self._print(f"note: {text}")

    def found(self, finding: Problem) -> None:
        self._print(f"health: {diagnosis(finding)}")

    def finished(self, result: dict[str, Any]) -> None:
        self._print_result(result)
        for purpose, command in padded(next_commands(result)):
            self._print(f"to {purpose}  {command}")

    def _print_result(self, result: dict[str, Any]) -> None:
        pairs = [*outcome(result, self._plan.monitor if self._plan else None), ("run", result["folder"])]
        for word, value in padded(pairs):
            self._print(f"{word}  {value}")
        for what, spent in padded(time_spent(result)):
            self._print(f"{what}  {spent}")
        for holds, line in expectations(result):
            self._print(f"expected {line}: {'met' if holds else 'MISSED'}")

    def _print(self, line: str) -> None:
        try:
            print(line, file=self._stream or sys.stdout, flush=True)
        except BrokenPipeError:
            # Training is worth more than its log: `dlkit train ... | head` must not end the run.
            leave_pipe()


class QuietProgress(PlainProgress):
    """The result alone."""

    def started(self, plan: RunPlan) -> None:
        self._plan = plan

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        """Nothing."""

    def noted(self, kind: str, text: str) -> None:
        """Nothing."""

    def found(self, finding: Problem) -> None:
        """Nothing."""

    def finished(self, result: dict[str, Any]) -> None:
        self._print_result(result)
