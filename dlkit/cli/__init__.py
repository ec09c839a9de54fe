"""The command line. Each verb is a small file: it parses, calls one function of a layer below, and prints.

Nothing here imports TensorFlow, Keras or NumPy before a verb needs them, so that help and a wrong configuration are
answered at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

import typer

from dlkit.cli import (
    baseline,
    cache,
    check,
    data,
    evaluate,
    explain_code,
    export,
    find_lr,
    init,
    predict,
    schema,
    show,
    train,
)

app = typer.Typer(
    name="dlkit",
    help="One YAML file in, one trained, tested and shippable Keras model out.",
    epilog="`dlkit VERB --help` has examples. Exit status: 0 done, 1 the run failed, 2 the configuration or the command"
    " line is wrong, 130 and 143 interrupted.",
    no_args_is_help=True,
    # Plain help starts in half the time of the framed one.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    for name, package in (("dlkit", "dlkit-tf"), ("tensorflow", "tensorflow"), ("keras", "keras")):
        try:
            typer.echo(f"{name} {version(package)}")
        except PackageNotFoundError:
            typer.echo(f"{name} is not installed")
    typer.echo(f"python {sys.version.split()[0]}")
    raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the versions of dlkit and what it stands on."
    ),
) -> None:
    pass


VERBS = (init, train, evaluate, predict, check, baseline, data, find_lr, show, export, schema, explain_code, cache)
for verb in VERBS:
    verb.add_to(app)


def main() -> None:
    """Run the command line of this process."""
    # Pydantic would read the entry points of every installed package for plug-ins of its own, before any answer.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Nor does a program that ends look for garbage among all that it has imported.
    atexit.register(gc.freeze)
    if "--json" not in sys.argv:
        app()
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except Exception as error:
        # A wrong option or verb, which Typer would print as text.
        if not hasattr(error, "format_message"):
            raise
        from dlkit.cli.verbs import failed, print_json
        from dlkit.config.problems import Problem

        problem = Problem("bad-command-line", error.format_message(), help="see --help")
        print_json(failed([problem], 2))
        sys.exit(2)
