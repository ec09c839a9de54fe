"""dlkit explain-code: what the code of a problem means."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.phrases import aligned
from dlkit.config.problems import ConfigError, Problem

EXAMPLES = [
    ("dlkit explain-code unknown-key", "what `error[unknown-key]` means and how it is corrected"),
    ("dlkit explain-code", "every code"),
]


def explain_code(
    code: Annotated[Optional[str], typer.Argument(metavar="[CODE]", help="As in `error[CODE]`.")] = None,  # noqa: UP045
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Explain the code of a problem."""
    from dlkit.config import codes

    if code is None:
        for line in aligned([(name, entry.title) for name, entry in codes.table().items()]):
            typer.echo(line)
        return
    try:
        typer.echo(codes.explain(code.removeprefix("error[").removeprefix("warning[").removesuffix("]")), nl=False)
    except KeyError as error:
        raise ConfigError(Problem("unknown-code", str(error.args[0]), help="`dlkit explain-code` lists them")) from None


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "explain-code", explain_code, EXAMPLES)
