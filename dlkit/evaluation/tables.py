"""Predictions as files: CSV, JSON or NumPy arrays. Floats are written so that they read back as the same float32."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.evaluation.predict import Predictions
from dlkit.files import written_aside


def check_output(path: Path) -> None:
    """Refuse, before the work is done, a file that cannot be written.

    Raises:
        ConfigError: if the name's ending is none of those known, or its folder is not there.
    """
    if path.suffix.lower() not in WRITERS:
        told = f"`{path.suffix}` is not a kind of file that predictions are written to" if path.suffix else "no ending"
        raise ConfigError(Problem("bad-output", f"{path}: {told}", help=f"let it end in {', '.join(WRITERS)}"))
    if not path.parent.is_dir():
        raise ConfigError(Problem("bad-output", f"{path}: there is no folder {path.parent}", help="make it first"))


def write(path: Path, predictions: Predictions) -> None:
    """Write predictions in the format of the file's ending: `.csv`, `.json` or `.npz`.

    Raises:
        RunError: if the file cannot be written.
    """
    try:
        with written_aside(path) as aside:
            WRITERS[path.suffix.lower()](aside, predictions)
    except OSError as error:
        raise RunError(Problem("output-not-written", f"{path} cannot be written: {error.strerror or error}")) from error


def records(predictions: Predictions) -> list[dict[str, Any]]:
    """One mapping for each example: `input`, and by target the class and all probabilities, or the value."""
    rows = []
    for i, name in enumerate(predictions.names):
        row: dict[str, Any] = {"input": name}
        for target, feature in predictions.targets.items():
            row[target] = feature.settings.record(feature, predictions.results[target][i])
            if target in predictions.labels:
                row[target]["label"] = feature.settings.label(feature, predictions.labels[target][i])
        rows.append(row)
    return rows


def _csv(path: Path, predictions: Predictions) -> None:
    several = len(predictions.targets) > 1
    rows = []
    for record in records(predictions):
        row = {"input": record["input"]}
        for target in predictions.targets:
            prefix = f"{target}_" if several else ""
            for key, value in record[target].items():
                if key == "probabilities":
                    row |= {f"{prefix}p_{name}": p for name, p in value.items()}
                elif isinstance(value, list):
                    row |= {f"{prefix}{key}_{i}": v for i, v in enumerate(value)}
                else:
                    row[prefix + key] = value
        rows.append(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _json(path: Path, predictions: Predictions) -> None:
    path.write_text(json.dumps(records(predictions), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _npz(path: Path, predictions: Predictions) -> None:
    arrays = {"input": np.array(predictions.names)}
    for target, feature in predictions.targets.items():
        arrays[f"{target}_result"] = predictions.results[target]
        if feature.classes:
            arrays[f"{target}_classes"] = np.array(feature.classes)
        if target in predictions.labels:
            arrays[f"{target}_label"] = predictions.labels[target]
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


WRITERS: dict[str, Callable[[Path, Predictions], None]] = {".csv": _csv, ".json": _json, ".npz": _npz}
