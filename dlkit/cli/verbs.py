"""What all verbs share: how an error ends the program, and how results are written for other programs."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dlkit.config.problems import COMMAND_LINE, ConfigError, DlkitError, Location, Problem
from dlkit.lazy import without_collector

if TYPE_CHECKING:
    from dlkit.progress.base import Progress
    from dlkit.schema.loader import Loaded


def _folder(text: str) -> Path:
    """A folder as it is named; a variable of the shell that is not set leaves an empty name, which means nowhere."""
    if not str(text).strip():
        raise typer.BadParameter("the name of the folder is empty; as in: --runs runs")
    return Path(text)


CONFIG = typer.Argument(metavar="CONFIG", help="A YAML file.")
OVERRIDES = typer.Argument(metavar="KEY=VALUE", help="Settings that win over the file, as in training.epochs=3.")
RUN = typer.Argument(metavar="RUN", help="A run: its folder, its name, or `latest`; or a model.keras file.")
DATA = typer.Option("--data", metavar="CONFIG", help="Take the data of this configuration, not the run's own.")
NO_DATA = typer.Option("--no-data", help="Build the model without reading any data.")
SPLIT = typer.Option("--split", help="Which examples.")
FLIPS = typer.Option("--flips", help="Test-time augmentation: the mean over images as they are and flipped so.")
RUNS = typer.Option("--runs", metavar="DIR", help="Where run folders are.", parser=_folder)
TRUST = typer.Option(
    "--trust", envvar="DLKIT_TRUST", help="Run the code that comes with the run or model: plug-ins, foreign classes."
)
JSON = typer.Option("--json", help="Write JSON to standard output, errors too.")
DEBUG = typer.Option("--debug", envvar="DLKIT_DEBUG", help="Show tracebacks.")


class Split(StrEnum):
    """Splits that can be chosen."""

    train = "train"
    validation = "validation"
    test = "test"


class Flips(StrEnum):
    """How images can be flipped."""

    horizontal = "horizontal"
    vertical = "vertical"
    both = "both"


def register(app: typer.Typer, name: str, function: Callable[..., None], examples: Sequence[tuple[str, str]]) -> None:
    """Add a verb to the program.

    Args:
        app: the program.
        name: of the verb.
        function: what it does; `as_json` and `debug` among its parameters are honoured when it fails.
        examples: commands and what they do, shown below its help.
    """
    width = max(len(command) for command, _ in examples)
    lines = [f"  {command:<{width}}  {purpose}" for command, purpose in examples]
    if max(map(len, lines)) > HELP_WIDTH:
        lines = [line for command, purpose in examples for line in (f"  # {purpose}", f"  {command}")]
    app.command(name, epilog="\b\nExamples:\n" + "\n".join(lines))(_ending_well(function))


HELP_WIDTH = 78


def _ending_well(function: Callable[..., None]) -> Callable[..., None]:
    """The verb, with every error reported in dlkit's own way and turned into the exit status."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        as_json, debug = bool(kwargs.get("as_json")), bool(kwargs.get("debug"))
        try:
            function(*args, **kwargs)
            if sys.stdout is not None:
                sys.stdout.flush()
        except DlkitError as error:
            _report(error.problems, error.exit_status, as_json)
            _traceback(debug)
            raise typer.Exit(error.exit_status) from None
        except KeyboardInterrupt:
            _report([Problem("interrupted", "interrupted")], 130, as_json)
            _traceback(debug)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            from dlkit.progress.base import leave_pipe

            leave_pipe()
            raise typer.Exit(0) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            from dlkit.config.causes import kind_and_line

            message = f"internal error: {kind_and_line(error)}"
            help = "this is a bug in dlkit" + ("" if debug else "; run with --debug to see where it comes from")
            _report([Problem("internal-error", message, help=help)], 1, as_json)
            _traceback(debug)
            raise typer.Exit(1) from None

    return run


def failed(problems: Sequence[Problem], status: int) -> dict[str, Any]:
    """How a verb that fails ends, for other programs."""
    from dlkit.config import render

    return {"ok": False, "exit_status": status, **render.to_json(problems)}


def _report(problems: Sequence[Problem], status: int, as_json: bool) -> None:
    from dlkit.config import render

    if as_json:
        print_json(failed(problems, status))
    elif problems[0].code in ("interrupted", "internal-error"):
        # One line each: nothing was mistaken that a place or a count would help with.
        help = f"; {problems[0].help}" if problems[0].help else ""
        print(f"{problems[0].message}{help}", file=sys.stderr)
    else:
        render.print_problems(problems, sys.stderr)


def _traceback(debug: bool) -> None:
    if debug:
        traceback.print_exc()


def print_json(content: Mapping[str, Any]) -> None:
    """Write a result for other programs; numbers that are not finite become null."""
    typer.echo(json.dumps(_finite(content), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(below) for below in value]
    return value


def config_and_overrides(config: str | None, overrides: Sequence[str], verb: str) -> tuple[str, list[str]]:
    """The configuration's path and the overrides after it.

    Raises:
        ConfigError: if the first word is no file but an override, or there is none.
    """
    if config is None:
        raise ConfigError(
            Problem(
                "no-config", f"`dlkit {verb}` needs a configuration", help=f"as in: dlkit {verb} configs/mnist_cnn.yaml"
            )
        )
    if "=" in config and not Path(config).exists():
        place = Location(COMMAND_LINE, 1, 1, len(config), config)
        raise ConfigError(
            Problem(
                "no-config",
                "the first word must be a configuration, not an override",
                location=place,
                label="a YAML file belongs before this",
                help=f"as in: dlkit {verb} configs/mnist_cnn.yaml {config}",
            )
        )
    return config, list(overrides)


def load(path: str | Path, overrides: Sequence[str], *, needs_source: bool = True) -> Loaded:
    """As `dlkit.schema.loader.load`."""
    with _loading():
        from dlkit.schema import loader

        return loader.load(path, overrides, needs_source=needs_source)


def load_run_config(path: Path, overrides: Sequence[str] = (), *, trust: bool) -> Loaded:
    """As `dlkit.schema.loader.load_run_config`."""
    with _loading():
        from dlkit.schema import loader

        return loader.load_run_config(path, overrides, trust=trust)


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """Within the block modules are imported sooner, and without the chatter of TensorFlow, which a plug-in imports."""
    with without_collector():
        from dlkit.progress.quiet import without_chatter

        with without_chatter():
            yield


def data_config(
    data: str | None, overrides: Sequence[str], run: str, runs_folder: Path, *, trust: bool
) -> Loaded | None:
    """The configuration whose data a saved model is used on; None for the run's own, unchanged.

    Args:
        data: a configuration that the user names instead of the run's own.
        overrides: settings that win over it.
        run: the run, or the model's file.
        runs_folder: where run folders are.
        trust: import the plug-ins of the run's own.
    """
    if data is not None:
        return load(data, overrides)
    if not overrides:
        return None
    from dlkit import runs
    from dlkit.runs import RunFolder

    folder = RunFolder(Path(run).parent) if run.endswith(".keras") else runs.find(run, runs_folder)
    return load_run_config(folder.config, overrides, trust=trust)


@contextlib.contextmanager
def tensorflow(as_json: bool) -> Iterator[Progress]:
    """Within the block TensorFlow is there, without its chatter; a terminal shows that it is being waited for.

    Gives what shows it, to report what is being waited for.
    """
    from dlkit.progress import is_terminal
    from dlkit.progress.base import Progress
    from dlkit.progress.quiet import load_tensorflow

    progress = Progress()
    if is_terminal(sys.stderr) and not as_json:
        from rich.console import Console

        from dlkit.progress.terminal import TerminalProgress

        progress = TerminalProgress(Console(stderr=True))
    try:
        progress.working("loading TensorFlow")
        load_tensorflow()
        progress.working("working")
        yield progress
    finally:
        progress.close()
