"""The baselines of a run beside its own figures: a table as plain values, and what is to be said of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dlkit.baselines.figures import figures
from dlkit.baselines.material import Material
from dlkit.baselines.models import models
from dlkit.models.losses import Choice

Figures = Mapping[str, float]


def baselines(material: Material, choice: Choice) -> dict[str, Any]:
    """Fit and judge every baseline.

    Args:
        material: what there is of the data.
        choice: the losses and metrics of the configuration.

    Returns:
        `split` and `examples` that were judged, `notes`, and `baselines`: of each its `name`, `target`, `fitted_on`
        (rows), `seconds`, and `figures` by name, or `failed` with a reason.
    """
    judged, several = material.judged, len(material.spec.targets) > 1
    rows = []
    for name, target in material.spec.targets.items():
        began = time.perf_counter()
        for one in models(target, material):
            row: dict[str, Any] = {"name": one.name, "target": name, "fitted_on": one.rows}
            if one.results is None:
                row["failed"] = one.why_not
            else:
                found = figures(choice, target, one.results, judged.labels[name], judged.weights.get(name))
                row["figures"] = {f"{name}_{word}" if several else word: value for word, value in found.items()}
            now = time.perf_counter()
            row["seconds"], began = round(now - began, 3), now
            rows.append(row)
    return {"split": material.split, "examples": judged.size, "notes": list(material.notes), "baselines": rows}


def verdicts(found: Mapping[str, Any], network: Figures, directions: Mapping[str, str | None]) -> list[str]:
    """A line for each target in which the network is not better than the best baseline.

    Args:
        found: as `baselines` gave it.
        network: figures of the network on the same split, by the same names.
        directions: by name, `max` or `min`: which is better.
    """
    lines = []
    targets = list(dict.fromkeys(row["target"] for row in found["baselines"]))
    for target in targets:
        rows = [row for row in found["baselines"] if row["target"] == target and "figures" in row]
        figure = _judged_by(rows, network, directions) if rows else None
        if figure is None:
            continue
        best = (max if directions[figure] == "max" else min)(rows, key=lambda row: row["figures"][figure])
        ours, theirs = network[figure], best["figures"][figure]
        if not (ours > theirs if directions[figure] == "max" else ours < theirs):
            of = f"`{target}`: " if len(targets) > 1 else ""
            lines.append(f"{of}no better than {best['name']}: {figure} {' against '.join(_figures(ours, theirs))}")
    return lines


def _judged_by(rows: list[Any], network: Figures, directions: Mapping[str, str | None]) -> str | None:
    """The first metric that says what is better; else the loss."""
    names = [name for name in rows[0]["figures"] if directions.get(name) and name in network]
    losses = [name for name in names if name == "loss" or name.endswith("_loss")]
    return next((name for name in names if name not in losses), losses[0] if losses else None)


def _figures(ours: float, theirs: float) -> tuple[str, str]:
    """Both figures, with as many digits as it takes to see that they differ."""
    first = 1 if max(abs(ours), abs(theirs)) >= 10 else 3
    written = ((f"{ours:,.{digits}f}", f"{theirs:,.{digits}f}") for digits in range(first, 7))
    return next((pair for pair in written if pair[0] != pair[1] or ours == theirs), (str(ours), str(theirs)))
