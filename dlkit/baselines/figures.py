"""Loss and metrics of baselines, counted by the same Keras losses and metrics as those of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.data.bound import Target
from dlkit.models.losses import Choice

# Rows that are counted at once.
_BATCH = 4096


def figures(choice: Choice, target: Target, results: np.ndarray, labels: Any, weights: Any = None) -> dict[str, float]:
    """The loss of a target and its metrics, by name.

    Args:
        choice: the losses and metrics of the run.
        target: what is predicted.
        results: of the rows: probabilities, or numbers in the target's unit.
        labels: of the rows, as batches hold them.
        weights: float32, shape (rows,), or None where every row counts once.
    """
    loss = choice.loss(target, logits=False, reduction=None)
    metrics = [*choice.metrics(target), *target.settings.own_metrics(target)]
    ignored = choice.ignored_class(target)
    total = counted = 0.0
    for start in range(0, len(results), _BATCH):
        rows = slice(start, start + _BATCH)
        few, known = tf.constant(results[rows]), tf.constant(labels[rows])
        own = np.ones(len(results[rows]), np.float32) if weights is None else np.asarray(weights[rows])
        of_loss = own if ignored is None else own * (np.reshape(labels[rows], -1) != ignored)
        values = np.asarray(loss(known, few), np.float64)
        total += float((values.reshape(len(own), -1).mean(axis=1) * of_loss).sum())
        counted += float(of_loss.sum())
        for metric in metrics:
            given = target.settings.metric_values(target, metric, known, few)
            metric.update_state(*given, sample_weight=None if weights is None else own)
    of_metrics = {metric.name: float(metric.result()) for metric in metrics}
    return {"loss": total / counted if counted else 0.0, **of_metrics}
