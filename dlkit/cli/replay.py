"""What `dlkit train --replay` prints: the tensors of a batch, to the first one that is not finite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from dlkit.cli import verbs

if TYPE_CHECKING:
    from dlkit.training.nonfinite.replay import Replay


def show(run: str, runs_folder: str, *, trust: bool, as_json: bool) -> None:
    """Replay the batch that a run has kept, and print what it does.

    Args:
        run: as the user names it.
        runs_folder: where runs are.
        trust: import the plug-ins that come with the run.
        as_json: print JSON.
    """
    from pathlib import Path

    from dlkit import runs
    from dlkit.progress.quiet import load_tensorflow

    folder = runs.find(run, Path(runs_folder))
    loaded = verbs.load_run_config(folder.config, trust=trust)
    load_tensorflow()
    from dlkit.training.nonfinite.replay import replay

    found = replay(loaded, folder)
    if as_json:
        rows = [vars(row) for row in found.rows]
        about = {"epoch": found.incident.epoch + 1, "batch": found.incident.step + 1, "first": found.incident.tensor}
        verbs.print_json({"ok": True, "folder": str(folder.path), **about, "operation": found.operation, "rows": rows})
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: Replay) -> Iterator[str]:
    from dlkit.config.phrases import aligned
    from dlkit.progress.base import figure

    incident = found.incident
    yield f"epoch {incident.epoch + 1}, batch {incident.step + 1:,}, with the weights that the run had then"
    yield ""
    cells = [["tensor", "shape", "smallest", "largest", "not finite", ""]]
    first = True
    for row in found.rows:
        shape = " x ".join(map(str, row.shape)) or "scalar"
        mark = "<- first" if row.bad and first else ""
        first = first and not row.bad
        cells.append([row.tensor, shape, figure(row.smallest), figure(row.largest), f"{row.bad:,}", mark])
    yield from (f"  {line}" for line in aligned(cells, (2, 3, 4)))
    yield ""
    if first:
        yield f"all of them are finite; the run found `{incident.tensor}`, which the update itself makes"
    if found.operation:
        yield f"TensorFlow's checks stop at the operation {found.operation}"
