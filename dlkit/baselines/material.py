"""What baselines are fitted and judged on: labels, weights, tables and texts of some rows, taken before preprocessing.

They are copies of what is needed, so that a run does not hold its raw data in memory while it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlkit.config.phrases import count
from dlkit.data import table
from dlkit.data.bound import Spec
from dlkit.data.contract import Rows, Split, Splits, Stream, Tensors
from dlkit.data.table import Table

# Rows that are fitted, and judged. Of tables as many are fitted as have this number of values, times the outputs of a
# model: boosted trees then take about three seconds on one core.
MOST_FITTED, MOST_JUDGED, MOST_VALUES = 50_000, 50_000, 3_000_000
LEAST_FITTED = 1_000
# Examples of a stream that are read.
MOST_STREAMED = 10_000
# A table of more columns is an image by another name.
MOST_COLUMNS = 2_000


@dataclass(frozen=True)
class Part:
    """Some rows of a split.

    Attributes:
        labels: by target.
        weights: by target, float32, shape (rows,); empty where every row counts once.
        table: their numbers and codes, where they have any.
        texts: their texts, likewise: objects, shape (rows,).
        unfitted: by target, predictions that need no fitting, by what they are called.
    """

    labels: Tensors
    weights: Tensors
    table: Table | None = None
    texts: np.ndarray | None = None
    unfitted: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(next(iter(self.labels.values())))


@dataclass(frozen=True)
class Material:
    """What there is of the data for baselines.

    Attributes:
        spec: inputs and targets.
        split: whose rows are judged: `test`, or `validation` where there is no test.
        fitted: rows of training.
        labels: of more rows of training, by target, for what only counts them.
        judged: rows of that split.
        notes: what is worth a line, such as that rows were sampled.
    """

    spec: Spec
    split: str
    fitted: Part
    labels: Tensors
    judged: Part
    notes: tuple[str, ...] = ()


# Reads a stream only when it is called, after training.
Gathered = Callable[[], Material | None]


def gather(splits: Splits) -> Gathered:
    """What baselines need of the data of a run.

    Args:
        splits: before the host stage, with what was fitted.

    Returns:
        A function that gives it; None where nothing is there to judge on.
    """
    split = "test" if splits.test is not None else "validation"
    judged: Split | None = getattr(splits, split)
    if judged is None:
        return lambda: None
    if isinstance(splits.train, Stream) or isinstance(judged, Stream):
        return lambda: _of_streams(splits, split, judged)
    material = _of_rows(splits, splits.train, split, judged)
    return lambda: material


def _of_rows(splits: Splits, train: Rows, split: str, judged: Rows) -> Material:
    spec, width = splits.spec, table.width(splits.spec)
    most = MOST_FITTED
    if 0 < width <= MOST_COLUMNS:
        outputs = max(target.units for target in spec.targets.values())
        most = max(LEAST_FITTED, min(most, MOST_VALUES // (width * outputs)))
    fitted, seen = table.sampled(train.size, most), table.sampled(judged.size, MOST_JUDGED)
    simple = any(bound.settings.in_tables for bound in spec.inputs.values())
    notes = [f"fitted on {len(fitted):,} of {count(train.size, 'training example')}"] if simple else []
    notes = notes if len(fitted) < train.size else []
    if len(seen) < judged.size:
        notes.append(f"judged on {len(seen):,} of {count(judged.size, f'{split} example')}")
    of_train, of_judged = _part(spec, train, fitted, {}), _part(spec, judged, seen, _unfitted(splits, judged, seen))
    return Material(spec, split, of_train, train.held.targets, of_judged, tuple(notes))


def _part(spec: Spec, split: Rows, rows: np.ndarray, unfitted: Mapping[str, Mapping[str, np.ndarray]]) -> Part:
    """Some rows of a split."""
    labels, weights = ({name: x[rows] for name, x in part.items()} for part in split.held[1:3])
    narrow = table.width(spec) <= MOST_COLUMNS
    of_table = table.table(spec, split, rows) if narrow else None
    return Part(labels, weights, of_table, table.texts(spec, split, rows), unfitted)


def _unfitted(splits: Splits, split: Rows, rows: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """By target, the predictions for these rows that need no fitting, where the source says what the rows cover."""
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in splits.spec.targets}
    if splits.origin is None or splits.origin.base is None or split.ids is None:
        return found
    parts = splits.origin.base(split.ids[rows])
    for name, target in splits.spec.targets.items():
        for there, base, numbers in parts:
            for word, results in target.settings.unfitted(target, base, numbers).items():
                found[name].setdefault(word, np.empty((len(rows), *results.shape[1:]), np.float32))[there] = results
    return found


def _of_streams(splits: Splits, split: str, judged: Split) -> Material:
    (train, cut), (seen, more) = _first_labels(splits.train), _first_labels(judged)
    note = "the data are a stream: what fits tables or texts would have to hold them"
    notes = [note]
    if cut:
        notes.append(f"counted on the first {count(train.size, 'training example')}")
    if more:
        notes.append(f"judged on the first {count(seen.size, f'{split} example')}")
    return Material(splits.spec, split, train, train.labels, seen, tuple(notes))


def _first_labels(split: Split) -> tuple[Part, bool]:
    """Labels and weights of the first examples, and whether there are more."""
    if isinstance(split, Rows):
        return Part(split.held.targets, split.held.weights), False
    parts: list[tuple[Any, Any]] = []
    labelled = split.make(0, -1).map(lambda inputs, *labels: labels)  # inputs may differ in shape
    for targets, weights in labelled.take(MOST_STREAMED + 1).batch(512):
        parts.append(tuple({name: x.numpy() for name, x in part.items()} for part in (targets, weights)))  # type: ignore[arg-type]
    labels, weights = (
        {name: np.concatenate([part[which][name] for part in parts])[:MOST_STREAMED] for name in parts[0][which]}
        for which in (0, 1)
    )
    return Part(labels, weights), sum(len(next(iter(part[0].values()))) for part in parts) > MOST_STREAMED
