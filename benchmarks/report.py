"""The tables of a throughput measurement, made from its lines of JSON.

python benchmarks/report.py FILE
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from intervals import paired_ratio
from rows import IMAGES, ROWS

TITLES = {row.name: row.title for row in ROWS}


class Cell(NamedTuple):
    """What was measured of one row, for one network and batch size."""

    rates: list[float]
    note: str


# By network, batch size and row.
Cells = dict[tuple[str, int, str], Cell]


def read(path: Path) -> Cells:
    """The figures of a file; of a row that was measured several times, the last measurement.

    Raises:
        ValueError: if a row does not learn.
    """
    cells: Cells = {}
    for line in path.read_text().splitlines():
        found = json.loads(line)
        if "row" not in found:
            continue
        if not found["accuracy"] > 0.5:
            raise ValueError(f"{found['row']} of {found['model']} does not learn: {line}")
        key = found["model"], found["batch"], found["row"]
        if found["repeat"] == 0:
            cells[key] = Cell([], found["note"])
        cells[key].rates.append(found["images"] / found["seconds"])
    return cells


def tables(cells: Cells) -> str:
    """Everything as Markdown: a table for each network, one of the comparisons, what was chosen by trial."""
    models = [model for model in IMAGES if any(key[0] == model for key in cells)]
    batches = sorted({batch for _, batch, _ in cells})
    parts = [_of_network(cells, model, batches) for model in models]
    parts += [_comparisons(cells, models, batches), _notes(cells), _peak(cells)]
    return "\n\n".join(part for part in parts if part)


def _of_network(cells: Cells, model: str, batches: list[int]) -> str:
    """A line for each way to train: images per second, ratio to `fit`, share of the peak."""
    flops = _flops(model)
    titles = [f"batch {b}, images/s | times `fit` | of the peak" for b in batches]
    lines = []
    for row in ROWS:
        if row.name == "peak" or not any((model, batch, row.name) in cells for batch in batches):
            continue
        words = [row.title]
        for batch in batches:
            cell, peak = cells.get((model, batch, row.name)), cells.get((model, batch, "peak"))
            words.append(f"{statistics.median(cell.rates):,.0f}" if cell else "")
            words.append(_ratio(cells, model, batch, row.name, "fit") if row.name != "fit" else "1")
            share = statistics.median(cell.rates) * flops / statistics.median(peak.rates) if cell and peak else None
            words.append(f"{share:.1%}" if share is not None else "")
        lines.append(words)
    return f"**{model}**, {flops / 1e6:.2f} million operations an image\n\n" + _markdown([model, *titles], lines)


def _comparisons(cells: Cells, models: list[str], batches: list[int]) -> str:
    """dlkit against the best loop by hand on one device, against the replicas, and what determinism costs."""
    lines = []
    for model in models:
        for batch in batches:
            loops = [row.name for row in ROWS if row.one_device and (model, batch, row.name) in cells]
            best = max(loops, key=lambda row: statistics.median(cells[model, batch, row].rates), default="")
            to_best = _ratio(cells, model, batch, "dlkit", best)
            lines.append(
                [
                    f"{model}, {batch}",
                    f"{to_best} {TITLES[best].removeprefix('own ')}" if to_best else "",
                    _ratio(cells, model, batch, "dlkit-cpu2", "loop-replicas"),
                    _ratio(cells, model, batch, "dlkit", "dlkit-free"),
                    _ratio(cells, model, batch, "dlkit", "fit-best"),
                    _ratio(cells, model, batch, "dlkit", "torch"),
                    _ratio(cells, model, batch, "dlkit", "dlkit-before"),
                ]
            )
    titles = [
        "model, batch",
        "dlkit to the best own loop on one device",
        "dlkit on `cpu:2` to the loop with replicas",
        "deterministic to not",
        "dlkit to the best `fit`",
        "dlkit to the PyTorch loop",
        "dlkit to that of `--before`",
    ]
    return _markdown(titles, lines)


def _ratio(cells: Cells, model: str, batch: int, row: str, other: str) -> str:
    """The ratio of two rows with its interval; empty where one of them was not measured."""
    one, two = cells.get((model, batch, row)), cells.get((model, batch, other))
    if one is None or two is None or len(one.rates) != len(two.rates):
        return ""
    return str(paired_ratio(one.rates, two.rates))


def _notes(cells: Cells) -> str:
    """What a row chose by trial."""
    return "\n".join(f"- {m}, {b}, {TITLES[row]}: {cell.note}" for (m, b, row), cell in cells.items() if cell.note)


def _peak(cells: Cells) -> str:
    rates = [rate for (_, _, row), cell in cells.items() if row == "peak" for rate in cell.rates]
    if not rates:
        return ""
    middle, low, high = (f(rates) / 1e9 for f in (statistics.median, min, max))
    return f"Peak, a float32 matrix product of 2048 x 2048: {middle:.0f} GFLOP/s (median; {low:.0f} to {high:.0f})."


def _flops(model: str) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from flops import training_flops
    from networks import make_network

    return training_flops(make_network(model))


def _markdown(titles: list[str], lines: Iterable[list[Any]]) -> str:
    """A table; a title may hold several columns, divided by bars."""
    columns = sum(title.count("|") + 1 for title in titles)
    rows = [" | ".join(titles), "|".join(["---"] * columns), *(" | ".join(line) for line in lines)]
    return "\n".join(f"| {row} |" if "---" not in row else f"|{row}|" for row in rows)


if __name__ == "__main__":
    print(tables(read(Path(sys.argv[1]))))
