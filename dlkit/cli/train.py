"""dlkit train: train a configuration in a new run folder, or go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from dlkit.cli import verbs
from dlkit.cli.training import Shown, show_training
from dlkit.config.problems import COMMAND_LINE, ConfigError, Location, Problem

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
        bool, typer.Option("--profile", help="Record a TensorBoard trace and show where the time of a step goes.")
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
    shown = Shown(quiet=quiet, verify=verify, as_json=as_json, profile=profile)
    if replay is not None:
        _alone("--replay", config, resume)
        from dlkit.cli.replay import show

        show(replay, str(runs), trust=trust, as_json=as_json)
        return
    if resume is not None:
        from dlkit.cli.resume import resume as go_on

        words = [w for w in (config, *(overrides or ())) if w]
        go_on(resume, words, runs, shown, allow_change=allow_change, trust=trust)
        return
    path, words = verbs.config_and_overrides(config, overrides or (), "train")
    loaded = verbs.load(path, words)
    if not as_json:
        _hint_at_resume(Path(path).parent)
    show_training(loaded, None, runs, shown)


def _hint_at_resume(folder: Path) -> None:
    """A line for those who train the configuration in the folder of a run that is not finished."""
    from dlkit.runs import RunFolder

    state = RunFolder(folder).read_state().get("state", "finished")
    if state != "finished":
        message = f"that run is {state}, and this is a new one; to go on with it: dlkit train --resume {folder}"
        typer.echo(f"note: {message}", err=True)


def _alone(option: str, *others: str | None) -> None:
    """Refuse a configuration, or another run, beside an option that names its run itself."""
    for number, word in enumerate(filter(None, others), 1):
        message = f"`{option}` names the run itself, so `{word}` is one too many"
        where = Location(COMMAND_LINE, number, 1, len(word), word)
        raise ConfigError(Problem("not-on-resume", message, location=where, help="leave one of them out"))


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "train", train, EXAMPLES)
