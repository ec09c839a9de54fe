"""`dlkit train --resume`: go on with a run, or say why there is nothing left to train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from dlkit.cli import verbs
from dlkit.cli.training import Shown, show_training
from dlkit.config.problems import COMMAND_LINE, ConfigError, Location, Problem


def resume(run: str, words: Sequence[str], runs_folder: Path, shown: Shown, *, allow_change: bool, trust: bool) -> None:
    """Go on with a run, and report.

    Args:
        run: as the user names it.
        words: settings that win over those of the run.
        runs_folder: where runs are.
        shown: what is shown of it.
        allow_change: take other settings than the run began with.
        trust: import every plug-in that the run names.

    Raises:
        ConfigError: if a word is no setting, a setting may not change, or the run can never train on.
    """
    from dlkit import runs
    from dlkit.config import changes

    for number, word in enumerate(words, 1):
        if "=" not in word:
            raise _not_a_setting(word, number)
    folder = runs.find(run, runs_folder)
    loaded = verbs.load_run_config(folder.config, words, trust=trust)
    if words and not allow_change:
        changes.refuse_changes(verbs.load_run_config(folder.config, trust=trust), loaded)
    if folder.read_state().get("state") == "finished":
        from dlkit.training.going_on import nothing_to_train

        problem = nothing_to_train(loaded.config, folder)
        if problem is not None:
            _say_finished(problem, folder.path, shown)
            return
    show_training(loaded, folder, runs_folder, shown)


def _say_finished(problem: Problem, folder: Path, shown: Shown) -> None:
    """Say that a run is finished, and how to train on; an error where no setting would make it."""
    more = problem.help.removeprefix("to train on: ")
    if more == problem.help:
        raise ConfigError(problem)
    if shown.as_json:
        verbs.print_json({"ok": True, "folder": str(folder), "state": "finished", "help": more})
    else:
        typer.echo(f"{problem.message}; {problem.help}")


def _not_a_setting(word: str, number: int) -> ConfigError:
    message = f"`--resume` takes the place of a configuration, so `{word}` is one too many"
    where = Location(COMMAND_LINE, number, 1, len(word), word)
    return ConfigError(Problem("not-on-resume", message, location=where, help="leave one of them out"))
