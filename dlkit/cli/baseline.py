"""dlkit baseline: what simple models reach on a configuration's data; no network is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Optional

import typer

from dlkit.cli import verbs

EXAMPLES = [
    ("dlkit baseline configs/mnist_mlp.yaml", "fit simple models, judge them on the test split"),
    ("dlkit baseline configs/mnist_mlp.yaml --json", "the same as JSON"),
]


def baseline(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Fit simple models; train no network."""
    path, words = verbs.config_and_overrides(config, overrides or (), "baseline")
    loaded = verbs.load(path, words)
    with verbs.tensorflow(as_json):
        from dlkit.baselines.alone import of_config
        from dlkit.training.limits import shortened

        found = of_config(replace(loaded, config=shortened(loaded.config)))
    if as_json:
        verbs.print_json({"ok": True, "exit_status": 0, "name": loaded.config.name, **found})
        return
    for line in page(loaded.config.name, found):
        typer.echo(line)


def page(name: str, found: dict[str, Any]) -> Iterator[str]:
    """The baselines of each target as a table."""
    from dlkit.config.phrases import count

    judged = count(found["examples"], f"{found['split']} example")
    yield f"{typer.style(name, bold=True)}, judged on {judged}"
    for target in dict.fromkeys(row["target"] for row in found["baselines"]):
        yield ""
        yield from _table(target, [row for row in found["baselines"] if row["target"] == target])
    if found["notes"]:
        yield ""
    yield from (f"note: {note}" for note in found["notes"])


def _table(target: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    from dlkit.config.phrases import aligned
    from dlkit.progress.base import figure

    names = list(rows[0].get("figures", {}))
    cells = [[target, *names, "fitted on"]]
    for row in rows:
        if "failed" in row:
            cells.append([row["name"], f"not fitted: {row['failed']}"])
        else:
            cells.append([row["name"], *(figure(row["figures"][n]) for n in names), f"{row['fitted_on']:,}"])
    yield from (f"  {line}" for line in aligned(cells, range(1, len(cells[0]))))


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "baseline", baseline, EXAMPLES)
