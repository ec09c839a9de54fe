"""dlkit evaluate: loss and metrics of a saved model on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from dlkit.cli import verbs

EXAMPLES = [
    ("dlkit evaluate latest", "the newest run, on its test split"),
    ("dlkit evaluate runs/mnist_cnn/latest --split validation", "on another split"),
    ("dlkit evaluate latest --flips horizontal", "each image as it is and mirrored, and the mean"),
    ("dlkit evaluate model.keras --data configs/mnist_cnn.yaml", "a model file, on data of a configuration"),
]


def evaluate(
    model: Annotated[str, verbs.RUN],
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    data: Annotated[Optional[str], verbs.DATA] = None,  # noqa: UP045
    split: Annotated[verbs.Split, verbs.SPLIT] = verbs.Split.test,
    flips: Annotated[Optional[verbs.Flips], verbs.FLIPS] = None,  # noqa: UP045
    runs: Annotated[Path, verbs.RUNS] = Path("runs"),
    trust: Annotated[bool, verbs.TRUST] = False,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Test a saved model."""
    loaded = verbs.data_config(data, overrides or (), model, runs, trust=trust)
    with verbs.tensorflow(as_json):
        from dlkit.evaluation.evaluate import evaluate as evaluate_model

        found = evaluate_model(model, loaded=loaded, split=split.value, runs_folder=runs, flips=flips, trust=trust)
    if as_json:
        verbs.print_json(
            {"ok": True, "model": str(found.model), "split": found.split, "examples": found.examples, **found.figures}
        )
        return
    from dlkit.config.phrases import aligned, count
    from dlkit.progress.base import figure

    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{found.model} on {count(found.examples, 'example')} of {found.split}")
    for line in aligned([(name, figure(value)) for name, value in found.figures.items()]):
        typer.echo(f"  {line}")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "evaluate", evaluate, EXAMPLES)
