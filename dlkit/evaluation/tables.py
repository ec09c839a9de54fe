"""Predictions as files: CSV, JSON or NumPy arrays. Floats are written so that they read back as the same float32."""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.files import written_aside
from dlkit.models.predictions import Predictions, write_arrays
from dlkit.targets._classes import shortest


def check_output(path: Path) -> None:
    """Refuse, before the work is done, a file that cannot be written.

    Raises:
        ConfigError: if the name's ending is none of those known, or its folder is not there.
    """
    if path.suffix.lower() not in WRITERS:
        message = (
            f"`{path.suffix}` is not a kind of file that predictions are written to" if path.suffix else "no ending"
        )
        raise ConfigError(Problem("bad-output", f"{path}: {message}", help=f"let it end in {', '.join(WRITERS)}"))
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


def records(predictions: Predictions) -> Iterator[dict[str, Any]]:
    """One mapping for each example: `input`, `row`, and by target the class and all probabilities, or the value.

    Where they are known, with the label, and with the weight of the example.
    """
    return ({**where, **by_target} for where, by_target in _examples(predictions))


def _examples(predictions: Predictions) -> Iterator[tuple[dict[str, Any], dict[str, dict[str, Any]]]]:
    """Where each example is, and by target what is said of it."""
    for i, (place, row) in enumerate(zip(predictions.places, predictions.rows.tolist(), strict=True)):
        by_target = {}
        for target, feature in predictions.targets.items():
            values = feature.settings.record(feature, predictions.results[target][i])
            if target in predictions.labels:
                values["label"] = feature.settings.label(feature, predictions.labels[target][i])
            if target in predictions.weights:
                values["weight"] = shortest(predictions.weights[target][i])
            by_target[target] = values
        yield {"input": place, "row": row}, by_target


def _csv(path: Path, predictions: Predictions) -> None:
    several = len(predictions.targets) > 1
    with path.open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for where, by_target in _examples(predictions):
            row = where | _flat(by_target, several=several)
            if writer is None:
                writer = csv.DictWriter(file, fieldnames=list(row))
                writer.writeheader()
            writer.writerow(row)


def _flat(by_target: dict[str, dict[str, Any]], *, several: bool) -> dict[str, Any]:
    """What is said of an example as one row: `class`, `p_<class>`, `label`, after the target where there are several.

    Several classes of one example are one cell, with commas between them; several numbers are a column each.
    """
    row: dict[str, Any] = {}
    for target, values in by_target.items():
        prefix = f"{target}_" if several else ""
        for key, value in values.items():
            if key == "probabilities":
                row |= {f"{prefix}p_{name}": p for name, p in value.items()}
            elif isinstance(value, list) and all(isinstance(v, str) for v in value):
                row[prefix + key] = ",".join(value)  # classes: every row has as many as it has
            elif isinstance(value, list):
                row |= dict(_numbered(f"{prefix}{key}", value))
            else:
                row[prefix + key] = value
    return row


def _numbered(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A column for each number of a list, or of lists in it: `value_0`, or `value_0_1`."""
    if not isinstance(value, list):
        yield name, value
        return
    for number, one in enumerate(value):
        yield from _numbered(f"{name}_{number}", one)


def _json(path: Path, predictions: Predictions) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, record in enumerate(records(predictions)):
            file.write(",\n" if number else "[\n")
            file.write(textwrap.indent(json.dumps(record, indent=2, ensure_ascii=False), "  "))
        file.write("\n]\n")


WRITERS: dict[str, Callable[[Path, Predictions], None]] = {".csv": _csv, ".json": _json, ".npz": write_arrays}
