"""dlkit export: a configuration in another form, such as a script of plain Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.phrases import listed

EXAMPLES = [
    ("dlkit export configs/mnist_quick.yaml --format python", "writes mnist_quick.py"),
    ("dlkit export configs/mnist_quick.yaml --format python -o net.py", "with a name of your own"),
]
_FILES = Path(__file__).parents[1].joinpath("export", "formats").glob("[!_]*.py")
FORMATS = sorted(file.stem for file in _FILES)


def _known(word: str) -> str:
    """A form that there is."""
    if word not in FORMATS:
        raise typer.BadParameter(f"there is no form `{word}`; there is {listed(FORMATS)}")
    return word


FORM = typer.Option("--format", metavar="FORM", parser=_known, help=f"What to write: {listed(FORMATS)}.")


def export(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    *,
    form: Annotated[str, FORM],
    output: Annotated[Optional[Path], typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")] = None,  # noqa: UP045
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    runs: Annotated[Path, verbs.RUNS] = Path("runs"),
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Write a configuration in another form."""
    path, words = verbs.config_and_overrides(config, overrides or (), "export")
    loaded = verbs.load(path, words)
    with verbs.tensorflow(as_json) as progress:
        from importlib import import_module

        chosen = import_module(f"dlkit.export.formats.{form}")
        written = chosen.export(
            loaded,
            output if output is not None else Path(Path(path).stem + chosen.ENDING),
            force=force,
            runs_folder=runs,
            progress=progress.preparing,
        )
    if as_json:
        files = [str(file) for file in written.files]
        verbs.print_json({"ok": True, "exit_status": 0, "files": files, "notes": list(written.notes)})
        return
    first, *others = written.files
    beside = f", with {' and '.join(file.name for file in others)} beside it" if others else ""
    typer.echo(f"{first}{beside}")
    for note in written.notes:
        typer.echo(f"note: {note}")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "export", export, EXAMPLES)
