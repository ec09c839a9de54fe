"""The examples of a run as a script reads them: from arrays in the file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.config.problems import Problem, RunError
from dlkit.data.contract import SOURCE_ORDER, Batch, Rows, Split, Splits, Stream
from dlkit.elements import elements
from dlkit.export.script.objects import Needs
from dlkit.models.build import BuiltModel
from dlkit.training.prepare import Prepared

# Bytes of examples that are written beside a script.
MOST_BYTES = 2 * 2**30
_PART = 1024


def examples(prepared: Prepared, raw: Splits, as_prepared: set[str], needs: Needs) -> bool:
    """Add the examples of all splits to the arrays: an array for each input, each target and the weights.

    Args:
        prepared: the data after the host stage.
        raw: the same as the source gives them.
        as_prepared: the inputs that are written as the host stage leaves them.
        needs: gets them, as arrays named `<input>_<split>`.

    Returns:
        Whether the examples have weights.

    Raises:
        RunError: if they are too many to be written.
    """
    weighted = False
    for name, split in raw.by_name.items():
        found = _batch(split, prepared.splits.by_name[name], as_prepared)
        labels = {n: _labels(prepared.built, n, x) for n, x in found.targets.items()}
        for column, values in {**found.inputs, **labels}.items():
            needs.arrays[f"{column}_{name}"] = _storable(values)
        weights = _weights(prepared.built, found, training=name == "train")
        for column, values in weights.items():
            needs.arrays[f"{weights_name(column)}_{name}"] = values
        weighted = weighted or bool(weights)
    if weighted:  # of splits whose examples count once, too
        _fill_weights(prepared, needs, list(raw.by_name))
    return weighted


def weights_name(target: str) -> str:
    """The array of the weights of a target's examples."""
    return f"{target}_weights"


def _fill_weights(prepared: Prepared, needs: Needs, splits: list[str]) -> None:
    for target in prepared.built.spec.targets:
        for split in splits:
            ones = np.ones(len(needs.arrays[f"{target}_{split}"]), np.float32)
            needs.arrays.setdefault(f"{weights_name(target)}_{split}", ones)


def _batch(raw: Split, staged: Split, as_prepared: set[str]) -> Batch:
    """All examples of a split as one batch of NumPy arrays."""
    found = _read(raw, set(as_prepared))
    if not as_prepared:
        return found
    ready = _read(staged, set()).inputs
    return found._replace(inputs={n: ready[n] if n in as_prepared else x for n, x in found.inputs.items()})


def _read(split: Split, without: set[str]) -> Batch:
    parts = list(_parts(split, without))
    joined: Batch = tf.nest.map_structure(lambda *x: x[0] if len(x) == 1 else np.concatenate(x), *parts)
    return joined


def _parts(split: Split, without: set[str]) -> Iterator[Batch]:
    """The examples of a split, some at a time; those of the inputs `without` are not read."""
    size = 0
    for batch in _of_rows(split) if isinstance(split, Rows) else _of_stream(split):
        inputs = {n: x if n not in without else np.zeros(len(x), np.uint8) for n, x in batch.inputs.items()}
        size += sum(x.nbytes for x in inputs.values())
        if size > MOST_BYTES:
            message = f"the examples take more than {MOST_BYTES / 2**30:g} GiB, which are not written beside a script"
            help = "take some of them, as with training.limit_batches.train=100"
            raise RunError(Problem("export-too-large", message, ("data",), help=help))
        yield batch._replace(inputs=inputs)


def _of_rows(split: Rows) -> Iterator[Batch]:
    for start in range(0, split.size, _PART):
        yield split.read(np.arange(start, min(split.size, start + _PART)))


def _of_stream(split: Stream) -> Iterator[Batch]:
    for inputs, targets, weights in elements(split.make(0, SOURCE_ORDER).batch(_PART)):
        inputs, targets, weights = tf.nest.map_structure(np.asarray, (inputs, targets, weights))
        yield Batch(inputs, targets, weights, np.zeros(len(next(iter(targets.values()))), np.int64))


def _labels(built: BuiltModel, name: str, labels: Any) -> np.ndarray:
    """Labels in the shape in which Keras compares them with results."""
    target = built.spec.targets[name]
    return np.asarray(target.settings.metric_labels(target, labels))


def _weights(built: BuiltModel, batch: Batch, *, training: bool) -> dict[str, np.ndarray]:
    """How much each example counts in the loss of each target; empty where all count once."""
    weights = built.objective(training=training).weights(tf.nest.map_structure(tf.constant, batch._replace(inputs={})))
    return {name: np.asarray(x) for name, x in weights.items()}


def _storable(values: np.ndarray) -> np.ndarray:
    """The same without Python objects."""
    if values.dtype.hasobject:
        return np.array([x.decode() if isinstance(x, bytes) else str(x) for x in values.reshape(-1)]).reshape(
            values.shape
        )
    return values
