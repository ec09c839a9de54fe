"""dlkit data: what a configuration's data are, and what the network is given of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.phrases import count as of

DESCRIBE = [
    ("dlkit data describe configs/mnist_cnn.yaml", "sizes, classes, ranges, what is missing"),
    ("dlkit data describe configs/mnist_cnn.yaml --json", "the same, and all of it, for programs"),
]
SHOW = [
    ("dlkit data show configs/mnist_cnn.yaml", "the first batch: a picture, or a table"),
    ("dlkit data show configs/mnist_cnn.yaml -o x.png", "in a file of this name"),
    ("dlkit data show configs/mnist_cnn.yaml --split test", "examples of the test split"),
]


def describe(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Describe the data: splits, sizes, classes, ranges, what is missing, what one split gives away of another."""
    path, words = verbs.config_and_overrides(config, overrides or (), "data describe")
    loaded = verbs.load(path, words)
    with verbs.tensorflow(as_json), loaded.locating():
        from dlkit.checks.rules import leaks_and_shifts
        from dlkit.looking.describe import describe

        found = describe(loaded.config, None, leaks_and_shifts)
    if as_json:
        verbs.print_json({"ok": True, **found.content})
    else:
        typer.echo(str(found))


def show(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("-o", "--output", metavar="FILE", help="The picture; NAME_SPLIT.png by default."),
    ] = None,
    split: Annotated[verbs.Split, verbs.SPLIT] = verbs.Split.train,
    count: Annotated[int, typer.Option("--count", min=1, max=100, help="How many examples.")] = 16,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Show examples as the network is given them: raw, prepared, augmented."""
    from dlkit.looking.picture import draw, picture_path, save

    path, words = verbs.config_and_overrides(config, overrides or (), "data show")
    loaded = verbs.load(path, words)
    picture = picture_path(output, f"{loaded.config.name}_{split.value}.png")
    with verbs.tensorflow(as_json) as progress, loaded.locating():
        from dlkit.training.look import look

        examples = look(loaded.config, split=split.value, count=count, progress=progress.preparing)
        written = picture if examples.pictured else None
        if written is not None:
            save(draw(examples), written)
    if as_json:
        shown = None if written is None else str(written)
        verbs.print_json({"ok": True, "picture": shown, "examples": examples.rows()})
        return
    for line in examples.table():
        typer.echo(line)
    if written is not None:
        typer.echo(f"{written} shows {of(len(examples), 'example')} of {split.value}")
    elif output is not None:
        typer.echo(f"nothing of these data makes a picture: {output} is not written", err=True)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the program."""
    own = typer.Typer(
        help="Look at the data of a configuration.", no_args_is_help=True, rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    verbs.register(own, "describe", describe, DESCRIBE)
    verbs.register(own, "show", show, SHOW)
    app.add_typer(own, name="data")
