"""dlkit predict: what a saved model says of files, or of a split."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.phrases import aligned, count
from dlkit.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from dlkit.models.predictions import Predictions

EXAMPLES = [
    ("dlkit predict latest digit.png other.jpg", "classes and probabilities of images"),
    ("dlkit predict latest photos/ --output results.csv", "of all images in a folder"),
    ("dlkit predict latest people.csv --output results.csv", "of every row of a table"),
    ("dlkit predict latest images.npy --output results.csv", "of every row of an array"),
    ("dlkit predict latest --split test --output test.npz", "of a split of the run's own data"),
]
SHOWN_ROWS = 20


def predict(
    model: Annotated[str, verbs.RUN],
    inputs: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(
            metavar="FILE",
            help="Images, tables (.csv, .parquet), arrays (.npy, or .npz with an array for each input), folders of "
            "them, patterns.",
        ),
    ] = None,
    data: Annotated[Optional[str], verbs.DATA] = None,  # noqa: UP045
    split: Annotated[Optional[verbs.Split], verbs.SPLIT] = None,  # noqa: UP045
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", metavar="FILE", help="Write all results to a .csv, .json or .npz file."),
    ] = None,
    flips: Annotated[Optional[verbs.Flips], verbs.FLIPS] = None,  # noqa: UP045
    runs: Annotated[Path, verbs.RUNS] = Path("runs"),
    trust: Annotated[bool, verbs.TRUST] = False,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Predict for images, tables, arrays or a split; files that cannot be used are named, and the others answered."""
    _must_name_data(inputs, from_source=data is not None or split is not None)
    loaded = verbs.data_config(data, (), model, runs, trust=trust)
    with verbs.tensorflow(as_json):
        from dlkit.evaluation import tables
        from dlkit.evaluation.predict import predict as predict_with

        if output is not None:
            tables.check_output(output)
        found = predict_with(
            model, inputs or (), loaded=loaded, split=split or "test", runs_folder=runs, flips=flips, trust=trust
        )
        if output is not None:
            tables.write(output, found)
    if as_json:
        _print_json(found, tables.records(found))
        return
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    _print_table(found, output)
    if output is not None:
        typer.echo(f"{count(len(found), 'result')} in {output}")
    if found.unusable is not None:
        raise found.unusable


def _must_name_data(inputs: list[Path] | None, *, from_source: bool) -> None:
    """Files, or data of a source."""
    if not inputs and not from_source:
        help = "give image or array files or folders, or --split test for the run's own data"
        raise ConfigError(Problem("no-inputs", "there is nothing to predict for", help=help))
    if inputs and from_source:
        help = "give one of them"
        raise ConfigError(Problem("no-inputs", "files and --data or --split exclude each other", help=help))


def _print_json(found: Predictions, records: Iterable[dict[str, Any]]) -> None:
    """One mapping for each example, and what could not be used.

    Raises:
        typer.Exit: if something could not be.
    """
    error = found.unusable
    ended = {"ok": True} if error is None else verbs.failed(error.problems, error.exit_status)
    notes = {"notes": list(found.notes)} if found.notes else {}
    verbs.print_json({**ended, **notes, "predictions": list(records)})
    if error is not None:
        raise typer.Exit(error.exit_status)


def _print_table(found: Predictions, output: Path | None) -> None:
    """A line for each example, as many as a screen takes."""
    several = len(found.targets) > 1
    rows = []
    for i, name in enumerate(found.places[:SHOWN_ROWS]):
        for target, feature in found.targets.items():
            best, *others = feature.settings.ranked(feature, found.results[target][i])
            where = f"{name}  {target}" if several else name
            if not best[0]:
                values = [f"{value:.6g}" for _, value in (best, *others)][:8]
                rows.append((where, "  ".join(values), "", ""))
            else:
                rest = ", ".join(f"{other} {probability:.4f}" for other, probability in others)
                rows.append((where, best[0], f"{best[1]:.4f}", f"then {rest}" if rest else ""))
    for line in aligned(rows):
        typer.echo(line)
    if len(found) > SHOWN_ROWS:
        rest = f"... and {len(found) - SHOWN_ROWS:,} more"
        typer.echo(rest if output is not None else f"{rest}; --output FILE writes them all")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "predict", predict, EXAMPLES)
