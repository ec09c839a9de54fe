"""dlkit check: find every mistake, and show what would be trained, before any time is spent."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from dlkit.cli import verbs
from dlkit.config.phrases import aligned, count

EXAMPLES = [
    ("dlkit check configs/mnist_cnn.yaml", "build the model, try one batch of each split"),
    ("dlkit check configs/mnist_cnn.yaml --no-data", "without reading any data"),
    ("dlkit check configs/mnist_cnn.yaml data.batch_size=512", "with an override"),
]


def check(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    no_data: Annotated[bool, verbs.NO_DATA] = False,
    runs: Annotated[Path, verbs.RUNS] = Path("runs"),
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Check a configuration; train nothing."""
    from dlkit.config import render

    path, words = verbs.config_and_overrides(config, overrides or (), "check")
    loaded = verbs.load(path, words)
    with verbs.tensorflow(as_json):
        from dlkit.checks.examine import examine
        from dlkit.checks.report import report

        found = examine(loaded, use_data=not no_data, runs_folder=runs)
        about = report(found.case)
    if as_json:
        verbs.print_json({"ok": True, "exit_status": 0, **render.to_json(found.problems), "report": about})
        return
    for line in page(about):
        typer.echo(line)
    if found.problems:
        typer.echo("")
        typer.echo(render.render(found.problems, colour=render.wants_colour(sys.stdout)), nl=False)
    else:
        typer.echo("\nno errors, no warnings")


def page(about: dict[str, Any]) -> Iterator[str]:
    """A report on one page."""
    yield typer.style(about["name"], bold=True)
    for note in about["data"]:
        yield f"note: {note}"
    yield from _section("data", _data_rows(about))
    yield from _section("model", _layer_rows(about), (3, 4))
    yield from _section("memory", _memory_rows(about["memory"], about["training"]["batch_size"]), (1,))
    yield from (f"  {line}" for line in textwrap.wrap(about["memory"]["basis"], 76))
    yield from _section("training", _training_rows(about))


def _section(title: str, rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """Rows in columns below a title; `right` are the numbers of the columns of figures."""
    yield ""
    yield typer.style(title, bold=True)
    yield from (f"  {line}" for line in aligned(rows, right))


def _data_rows(about: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, split in about["splits"].items():
        size = "? examples" if split["examples"] is None else count(split["examples"], "example")
        steps = f", {count(split['steps'], 'batch')}" if split["steps"] else ""
        rows.append([name, f"{size}{steps}"])
    for name, feature in about["inputs"].items():
        before = f"{feature['kind']}, {shape(feature['shape'])} {feature['dtype']}"
        steps = f"after {', '.join(feature['preprocess'])}" if feature["preprocess"] else "prepared"
        after = feature["prepared"]
        spread = f", {after['min']:.4g} to {after['max']:.4g}, mean {after['mean']:.4g}" if "min" in after else ""
        rows.append([f"input {name}", before])
        rows.append(["", f"{steps}: {shape(after['shape'])} {after['dtype']}{spread}"])
        if feature["augment"]:
            rows.append(["", f"in training also {', '.join(feature['augment'])}"])
    for name, feature in about["targets"].items():
        text = f"{feature['kind']}, {shape(feature['shape'])} {feature['dtype']}"
        classes = feature["classes"]
        if classes:
            shown = ", ".join(f"`{c}`" if not c.strip() or "," in c else c for c in classes[:10]) + (
                ", …" if len(classes) > 10 else ""
            )
            text += f", {count(len(classes), 'class')}: {shown}"
        rows.append([f"target {name}", text])
    return rows


def _layer_rows(about: dict[str, Any]) -> list[list[str]]:
    rows = [["layer", "type", "output", "parameters", "multiply-adds"]]
    for layer in about["layers"]:
        products = "?" if layer["multiply_adds"] is None else f"{layer['multiply_adds']:,}"
        rows.append([layer["name"], layer["type"], shape(layer["output"]), f"{layer['parameters']:,}", products])
    total, other = about["parameters"]["trainable"], about["parameters"]["other"]
    products = f"{sum(layer['multiply_adds'] or 0 for layer in about['layers']):,}"
    rows.append(["total", "", "", f"{total:,}", products])
    return [*rows, *([["not trained", "", "", f"{other:,}", ""]] if other else [])]


def _memory_rows(memory: dict[str, Any], batch_size: int) -> list[list[str]]:
    from dlkit.checks.memory import mebibytes

    parts = ["parameters", "gradients", "optimizer", "activations", "copies", "data"]
    rows = [[part, mebibytes(memory[part]), ""] for part in parts if memory[part]]
    rows[[row[0] for row in rows].index("activations")][0] = f"activations of {count(batch_size, 'example')}"
    free = f"of {mebibytes(memory['available'])} free" if memory["available"] else ""
    return [*rows, ["total, an estimate", mebibytes(memory["total"]), free]]


def _training_rows(about: dict[str, Any]) -> list[list[str]]:
    from dlkit.progress.base import COMPILERS

    training, compiled = about["training"], about["compile"]
    several = len(training["targets"]) > 1
    rows = []
    for name, target in training["targets"].items():
        of = f" of {name}" if several else ""
        rows.append([f"loss{of}", f"{target['loss']} ({target['loss_why']})"])
        rows.append([f"metrics{of}", f"{', '.join(target['metrics']) or 'none'} ({target['metrics_why']})"])
        if "first_loss" in target:
            rows.append([f"first batch{of}", f"loss {target['first_loss']:.4g} before any update"])
    if training["initial_weights"]:
        rows.append(["begins with", training["initial_weights"]])
    steps = f" of {count(training['steps_per_epoch'], 'step')}" if training["steps_per_epoch"] else ""
    rows.append(["epochs", f"{training['epochs']}{steps}, batches of {training['batch_size']:,}"])
    rows.append(["optimizer", _named(training["optimizer"])])
    rows.append(["schedule", _named(training["schedule"])])
    best = f"lowest {training['monitor']}" if training["mode"] == "min" else f"highest {training['monitor']}"
    rows.append(["best epoch", best if training["monitor"] else "none is chosen: the last weights are kept"])
    if training["early_stopping"]:
        rows.append(["early stopping", ", ".join(f"{k} {v}" for k, v in training["early_stopping"].items())])
    cut = f", a batch in {compiled['micro_batches']} micro-batches" if compiled["micro_batches"] > 1 else ""
    rows.append(["compiled with", f"{COMPILERS[compiled['chosen']]}{cut}: {compiled['why']}"])
    return rows


def _named(settings: dict[str, Any]) -> str:
    """An object with its settings, those that are off left out."""
    more = ", ".join(
        f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in settings.items() if _matters(k, v)
    )
    return f"{settings['name']}{', ' if more else ''}{more}"


def _matters(key: str, value: Any) -> bool:
    return key != "name" and value is not False and not (value == 0 and isinstance(value, float))


def shape(sizes: Sequence[Any]) -> str:
    """A shape as it is read: `28 x 28 x 1`; `scalar` for a single number."""
    if sizes and isinstance(sizes[0], list):
        return ", ".join(map(shape, sizes))
    return " x ".join("?" if size is None else str(size) for size in sizes) or "scalar"


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "check", check, EXAMPLES)
