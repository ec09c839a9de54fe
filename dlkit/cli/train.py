"""dlkit train: train a configuration in a new run folder, or go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.problems import COMMAND_LINE, ConfigError, Location, Problem, RunError

if TYPE_CHECKING:
    from dlkit.config.loader import Loaded
    from dlkit.progress.base import Progress
    from dlkit.runs import RunFolder

EXAMPLES = [
    ("dlkit train configs/mnist_cnn.yaml", "train in a new folder under runs/"),
    ("dlkit train configs/mnist_cnn.yaml training.epochs=3 data.batch_size=128", "change settings for this run"),
    ("dlkit train --resume latest", "go on after an interruption, to the same result"),
    ("dlkit train --resume mnist_cnn training.epochs=20", "train a finished run on"),
    ("dlkit train --replay latest", "see where a NaN came from"),
]


def train(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    runs: Annotated[Path, verbs.RUNS] = Path("runs"),
    resume: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="RUN", help="Go on with a run: a folder, a name, or `latest`. Takes the place of CONFIG."),
    ] = None,
    allow_change: Annotated[
        bool, typer.Option("--allow-change", help="With --resume: go on with other settings than the run began with.")
    ] = False,
    replay: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="RUN", help="Show the batch that made a run's loss NaN or infinite, by tensor."),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Record a TensorBoard trace and tell where the time of a step goes.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show the result alone.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Fail if the result is not what the configuration expects.")
    ] = False,
    trust: Annotated[bool, verbs.TRUST] = False,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Train, test and save a model."""
    if replay is not None:
        _alone("--replay", config, resume)
        from dlkit.cli.replay import show

        show(replay, str(runs), trust=trust, as_json=as_json)
        return
    if resume is not None:
        words = [w for w in (config, *(overrides or ())) if w]
        _resume(resume, words, runs, quiet, verify, as_json, allow_change=allow_change, profile=profile, trust=trust)
        return
    path, words = verbs.config_and_overrides(config, overrides or (), "train")
    loaded = verbs.load(path, words)
    if not as_json:
        _hint_at_resume(Path(path).parent)
    _run(loaded, None, runs, quiet, verify, as_json, profile=profile)


def _hint_at_resume(folder: Path) -> None:
    """A line for those who train the configuration in the folder of a run that is not finished."""
    from dlkit.runs import RunFolder

    state = RunFolder(folder).read_state().get("state", "finished")
    if state != "finished":
        told = f"that run is {state}, and this is a new one; to go on with it: dlkit train --resume {folder}"
        typer.echo(f"note: {told}", err=True)


def _resume(
    run: str,
    words: list[str],
    runs_folder: Path,
    quiet: bool,
    verify: bool,
    as_json: bool,
    *,
    allow_change: bool,
    profile: bool,
    trust: bool,
) -> None:
    from dlkit import runs
    from dlkit.config import changes

    for number, word in enumerate(words, 1):
        if "=" not in word:
            raise _not_on_resume(word, number)
    folder = runs.find(run, runs_folder)
    loaded = verbs.load_run_config(folder.config, words, trust=trust)
    if words and not allow_change:
        changes.refuse_changes(verbs.load_run_config(folder.config, trust=trust), loaded)
    state, done = folder.read_state().get("state"), len(folder.read_history())
    stopped = _stopped_early(folder)
    if state == "finished" and stopped:
        raise ConfigError(
            Problem(
                "not-on-resume",
                f"the run {folder.path} is finished, after {done} epochs: {stopped}",
                help="to train longer, start a new run that may, with `training.init_from` set to this one",
            )
        )
    if state == "finished" and (not words or loaded.config.training.epochs <= done):
        told = f"the run {folder.path} is finished, after {done} epochs"
        more = f"dlkit train --resume {run} training.epochs={2 * done}"
        if as_json:
            verbs.print_json({"ok": True, "folder": str(folder.path), "state": "finished", "help": more})
        else:
            typer.echo(f"{told}; to train on: {more}")
        return
    _run(loaded, folder, runs_folder, quiet, verify, as_json, profile=profile)


def _stopped_early(folder: RunFolder) -> str:
    """Why early stopping ended a run; empty where it did not."""
    return next((event.get("text") or "" for event in folder.read_events() if event["kind"] == "early-stopping"), "")


def _alone(option: str, *others: str | None) -> None:
    """Refuse a configuration, or another run, beside an option that names its run itself."""
    for number, word in enumerate(filter(None, others), 1):
        told = f"`{option}` names the run itself, so `{word}` is one too many"
        where = Location(COMMAND_LINE, number, 1, len(word), word)
        raise ConfigError(Problem("not-on-resume", told, location=where, help="leave one of them out"))


def _not_on_resume(word: str, number: int) -> ConfigError:
    told, help = f"`--resume` takes the place of a configuration, so `{word}` is one too many", "leave one of them out"
    return ConfigError(
        Problem("not-on-resume", told, location=Location(COMMAND_LINE, number, 1, len(word), word), help=help)
    )


def _run(
    loaded: Loaded,
    folder: RunFolder | None,
    runs_folder: Path,
    quiet: bool,
    verify: bool,
    as_json: bool,
    *,
    profile: bool,
) -> None:
    """Train, show how it goes, and report."""
    if verify and not loaded.config.expects:
        raise ConfigError(
            Problem(
                "nothing-expected",
                "`--verify` has nothing to check: the configuration expects nothing",
                help='state a figure, as in `expects: {test_accuracy: ">= 0.99"}`',
            )
        )
    import sys

    from dlkit.config.render import print_problems
    from dlkit.training.listeners import Listener, Listeners

    class CheckpointManager(Listener):
        result: dict[str, Any]

        def finished(self, result: dict[str, Any]) -> None:
            self.result = result

    if not as_json:
        print_problems(loaded.warnings, sys.stderr)
    progress, keeper = _progress(quiet, as_json), CheckpointManager()
    try:
        progress.working("loading TensorFlow")
        from dlkit.progress.quiet import load_tensorflow

        load_tensorflow()
        from dlkit.checks.early import check_before_training
        from dlkit.training import run

        progress.working("preparing data and model")
        listener = Listeners(progress, keeper)
        if folder is None:
            folder = run.start(loaded, runs_folder, listener, pre_check=check_before_training, profile=profile)
        else:
            run.resume(loaded, folder, listener, profile=profile)
    finally:
        progress.close()
    missed = _missed(keeper.result, loaded) if verify else []
    if as_json:
        _print_result(keeper.result, folder, missed)
        raise typer.Exit(1 if missed else 0)
    if missed:
        raise RunError(missed)


def _progress(quiet: bool, as_json: bool) -> Progress:
    import sys

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
    told = {"ok": not missed, "exit_status": 1 if missed else 0, "state": "finished", **to_json(missed)}
    verbs.print_json({**told, **result, "expects": expects, "history": folder.read_history()})


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


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "train", train, EXAMPLES)
