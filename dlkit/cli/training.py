"""Training as the command line shows it: progress, the result, and what was expected of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dlkit.cli import verbs
from dlkit.config.problems import ConfigError, Problem, RunError

if TYPE_CHECKING:
    from dlkit.progress.base import Progress
    from dlkit.runs import RunFolder
    from dlkit.schema.loader import Loaded


@dataclass(frozen=True)
class Shown:
    """What `dlkit train` shows of a run.

    Attributes:
        quiet: the result alone.
        verify: fail if the result is not what the configuration expects.
        as_json: the result as JSON.
        profile: also where the time of a step goes.
    """

    quiet: bool
    verify: bool
    as_json: bool
    profile: bool


def show_training(loaded: Loaded, folder: RunFolder | None, runs_folder: Path, shown: Shown) -> None:
    """Train, show how it goes, and report.

    Args:
        loaded: the configuration.
        folder: of a run that goes on; None for a new one.
        runs_folder: where the folder of a new run is made.
        shown: what is shown.

    Raises:
        ConfigError: if nothing is expected that could be verified, and as for `dlkit.training.run`.
        RunError: if the run failed, or what was expected does not hold.
    """
    if shown.verify and not loaded.config.expects:
        raise ConfigError(
            Problem(
                "nothing-expected",
                "`--verify` has nothing to check: the configuration expects nothing",
                help='state a figure, as in `expects: {test_accuracy: ">= 0.99"}`',
            )
        )
    if not shown.as_json:
        from dlkit.config.render import print_problems

        print_problems(loaded.warnings, sys.stderr)
    folder, result = _trained(loaded, folder, runs_folder, shown)
    missed = _missed(result, loaded) if shown.verify else []
    if shown.as_json:
        _print_result(result, folder, missed)
        raise typer.Exit(1 if missed else 0)
    if missed:
        raise RunError(missed)


def _trained(
    loaded: Loaded, folder: RunFolder | None, runs_folder: Path, shown: Shown
) -> tuple[RunFolder, dict[str, Any]]:
    """The run's folder and its result, once it has been trained."""
    from dlkit.training.listeners import Listener, Listeners

    class Result(Listener):
        result: dict[str, Any]

        def finished(self, result: dict[str, Any]) -> None:
            self.result = result

    progress, last = _progress(shown.quiet, shown.as_json), Result()
    try:
        progress.working("loading TensorFlow")
        from dlkit.progress.quiet import load_tensorflow

        load_tensorflow()
        from dlkit.checks.early import check_before_training
        from dlkit.training import run

        progress.working("preparing data and model")
        listener = Listeners(progress, last)
        if folder is None:
            check = check_before_training
            folder = run.start(loaded, runs_folder, listener, pre_check=check, profile=shown.profile)
        else:
            run.resume(loaded, folder, listener, profile=shown.profile)
    finally:
        progress.close()
    return folder, last.result


def _progress(quiet: bool, as_json: bool) -> Progress:
    from dlkit.progress import is_terminal, progress_for
    from dlkit.progress.base import Progress

    if not as_json and not quiet:
        return progress_for()
    if not as_json:
        from dlkit.progress.plain import QuietProgress

        return QuietProgress()
    # Standard output belongs to the JSON; a person at the terminal still wants to see something.
    if quiet or not is_terminal(sys.stderr):
        return Progress()
    from rich.console import Console

    from dlkit.progress.terminal import TerminalProgress

    return TerminalProgress(Console(stderr=True, highlight=False))


def _print_result(result: dict[str, Any], folder: RunFolder, missed: list[Problem]) -> None:
    from dlkit.config.render import to_json

    expects = [dict(zip(("name", "rule", "value", "holds"), e, strict=True)) for e in result["expects"]]
    about = {"ok": not missed, "exit_status": 1 if missed else 0, "state": "finished", **to_json(missed)}
    verbs.print_json({**about, **result, "expects": expects, "history": folder.read_history()})


def _missed(result: dict[str, Any], loaded: Loaded) -> list[Problem]:
    """The expectations that do not hold."""
    from dlkit.progress.base import figure

    missed = [
        Problem(
            "expectation-missed",
            f"{name} should be {rule}, and " + (f"is {figure(value)}" if value is not None else "there is none"),
            key=("expects", name),
            help="" if value is not None else "the figures are those of the history, and test_<metric>",
        )
        for name, rule, value, holds in result["expects"]
        if not holds
    ]
    return [loaded.locate(problem) for problem in missed]
