"""Runs a saved model on the examples of a split or of files, batch by batch, so that no more than one is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.data.contract import Batch, Rows, Split, Stream, uneven
from dlkit.data.feeding import evaluation_batch_size, example_bytes
from dlkit.data.values import RowPlace
from dlkit.evaluation.compiled import Compiled
from dlkit.evaluation.inputs import read_inputs
from dlkit.evaluation.trained import Trained, model_blamed
from dlkit.models.build import named, unwrap
from dlkit.models.predictions import Predictions, RowPlaces
from dlkit.models.sizes import largest_tensor
from dlkit.schema.source import Piece, SourceSettings
from dlkit.training.failures import refused_as_run_error

# Numbers that a batch may have in its largest tensor between two layers: 2 GiB of float32.
LARGEST_BATCH = 2**29


class Forward:
    """The model as one compiled function, from raw inputs to results and the loss of each example."""

    def __init__(self, trained: Trained, compiled: Compiled | None = None) -> None:
        """Compile nothing yet.

        Args:
            trained: the model.
            compiled: its losses; None where no labels are known.
        """
        self.trained, self._compiled = trained, compiled
        self._run = tf.function(self._forward, autograph=False, reduce_retracing=True)

    def __call__(self, inputs: dict[str, Any], targets: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Results by target and losses by target, as NumPy arrays.

        Args:
            inputs: raw inputs by name; the first axis counts the examples.
            targets: labels by name; empty where none are known.

        Raises:
            RunError: if the model fails on them.
        """
        with model_blamed(self.trained.path):
            results, losses = self._run(inputs, targets)
            return ({n: x.numpy() for n, x in part.items()} for part in (results, losses))  # type: ignore[return-value]

    def _forward(self, inputs: dict[str, Any], targets: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        views = [self._results(inputs, axes) for axes in self.trained.views]
        results = {name: tf.add_n([view[name] for view in views]) / len(views) for name in views[0]}
        results = views[0] if len(views) == 1 else results
        known = self._compiled is not None and bool(targets)
        losses = self._compiled.objective.per_example(targets, results) if known and self._compiled else {}
        return {name: tf.cast(x, tf.float32) for name, x in results.items()}, losses

    def _results(self, inputs: dict[str, Any], axes: tuple[int, ...]) -> dict[str, Any]:
        """Results by target, of images that are flipped along some axes."""
        given = {name: tf.reverse(x, axes) if axes and name in self.trained.images else x for name, x in inputs.items()}
        return named(self.trained.model(unwrap(given), training=False), self.trained.spec.targets)


def batch_size(trained: Trained, wanted: int) -> int:
    """Examples that a model is given at once: many small ones, few where a layer makes much of each.

    Args:
        trained: the model.
        wanted: the batch size of the configuration.
    """
    fitting = max(1, LARGEST_BATCH // max(1, largest_tensor(trained.model)))
    return min(evaluation_batch_size(wanted, example_bytes(trained.spec)), fitting)


def of_split(trained: Trained, compiled: Compiled, split: Split, name: str, size: int) -> Iterator[Predictions]:
    """What a model says of a split, a batch at a time, in the source's order.

    Args:
        trained: the model.
        compiled: its losses.
        split: raw examples, before any preprocessing.
        name: of the split, for the places.
        size: examples in a batch.

    Raises:
        RunError: if the data cannot be read, or the model fails on them.
    """
    forward = Forward(trained, compiled)
    with refused_as_run_error():
        for batch in batches(split, size):
            if isinstance(split, Stream):
                _refuse_not_finite(trained, batch, name)
            results, losses = forward(batch.inputs, batch.targets)
            rows, labels, weights = np.asarray(batch.rows), _arrays(batch.targets), _arrays(batch.weights)
            yield Predictions(trained.spec.targets, rows, RowPlaces(name, rows), results, labels, losses, weights)


def of_files(
    trained: Trained, paths: Sequence[Path], size: int, source: SourceSettings | None = None
) -> Iterator[Predictions]:
    """What a model says of the examples in files, a few at a time; see `dlkit.evaluation.inputs.read_inputs`.

    Raises:
        ConfigError, RunError: at the end, naming every file that cannot be used.
        RunError: if the model fails.
    """
    forward = Forward(trained)
    start = 0
    for found in read_inputs(trained, paths, size, source):
        results, _ = forward(found.arrays, {})
        rows = np.arange(start, start + len(found.places))
        yield Predictions(trained.spec.targets, rows, found.places, results, notes=found.notes)
        start += len(found.places)


def _refuse_not_finite(trained: Trained, batch: Batch, name: str) -> None:
    """Refuse NaN and infinity in a batch of a stream; arrays have been looked through before.

    Raises:
        RunError: naming the first row of the split.
    """
    pieces = (Piece(name, int(batch.rows[0]), None),)
    given = [(i, batch.inputs[n], i.settings.nan_allowed(i.feature)) for n, i in trained.spec.inputs.items()]
    given += [(t, batch.targets[n], False) for n, t in trained.spec.targets.items()]
    for bound, tensor, nan_allowed in given:
        if tensor.dtype.is_floating:
            place = RowPlace(name, bound.columns or (bound.name,), pieces, bound.key)
            place.refuse_not_finite(np.asarray(tensor), nan_allowed=nan_allowed)


def batches(split: Split, size: int) -> Iterator[Batch]:
    """The raw examples of a split in the source's order.

    Args:
        split: the examples.
        size: of a batch; the last may be smaller.
    """
    if isinstance(split, Rows):
        for first in range(0, split.size, size):
            yield from _alike(split.read(np.arange(first, min(first + size, split.size))))
        return
    start, examples = 0, split.make(0, -1)
    alike = all(spec.shape.is_fully_defined() for spec in examples.element_spec[0].values())
    for inputs, targets, weights in examples.batch(size if alike else 1).prefetch(2):
        count = int(next(iter(inputs.values())).shape[0])
        yield Batch(inputs, targets, weights, np.arange(start, start + count))
        start += count


def _alike(batch: Batch) -> Iterator[Batch]:
    """The same examples, in batches of one shape each: raw images may differ in size."""
    several = [x for x in batch.inputs.values() if uneven(x)]
    if not several:
        yield batch
        return
    shapes = [tuple(x[row].shape for x in several) for row in range(len(batch.rows))]
    ends = [row + 1 for row in range(len(shapes)) if row + 1 == len(shapes) or shapes[row] != shapes[row + 1]]
    for start, end in zip([0, *ends], ends, strict=False):
        part: Batch = tf.nest.map_structure(lambda x, rows=slice(start, end): x[rows], batch)
        whole = {name: np.stack(list(x)) if uneven(x) else x for name, x in part.inputs.items()}
        yield part._replace(inputs=whole)


def _arrays(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(x) for name, x in tensors.items()}
