"""dlkit init: write a configuration for data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.problems import ConfigError, Problem

EXAMPLES = [
    ("dlkit init people.csv", "writes people.yaml, each choice with its reason"),
    ("dlkit init people.csv --target income", "predict this column"),
    ("dlkit init photos -o cats.yaml", "images in a folder for each class"),
    ("dlkit init wine --time quick", "a set of scikit-learn, trained briefly"),
]


class Time(StrEnum):
    """How long training may take."""

    quick = "quick"
    good = "good"
    best = "best"


def init(
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="DATA", help="A file, a folder, or the name of a set on this machine."),
    ] = None,
    output: Annotated[Optional[Path], typer.Option("-o", "--output", metavar="FILE", help="What to write.")] = None,  # noqa: UP045
    target: Annotated[str, typer.Option("--target", metavar="COLUMN", help="What is to be predicted.")] = "",
    time: Annotated[Time, typer.Option("--time", help="How long training may take.")] = Time.good,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Look at data, and write a configuration for them."""
    if not data:
        message = "`dlkit init` needs data: a file, a folder, or the name of a set"
        raise ConfigError(Problem("missing-file", message, help="as in: dlkit init people.csv"))
    from dlkit.init.write import write_config

    written = write_config(data, output, target=target, time=time.value, force=force)
    columns = written.plan.columns
    if as_json:
        verbs.print_json(
            {
                "ok": True,
                "exit_status": 0,
                "path": str(written.path),
                "source": dict(written.plan.found.guess.settings),
                "target": {"column": columns.target.column.name, "kind": columns.target.guess.settings["kind"]},
                "inputs": {r.column.name: r.guess.settings["kind"] for r in columns.inputs},
                "left_out": dict(columns.left_out),
            }
        )
        return
    typer.echo(f"{written.path} predicts `{columns.target.column.name}`: {columns.why_target}")
    doubts = [r.guess.doubt for r in (columns.target, *columns.inputs) if r.other is not None]
    for line in [f"left out: `{name}`: {reason}" for name, reason in columns.left_out.items()][:10]:
        typer.echo(line)
    for doubt in doubts[:10]:
        typer.echo(f"in doubt: {doubt}")
    typer.echo(f"next: dlkit check {written.path}; dlkit train {written.path}")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "init", init, EXAMPLES)
