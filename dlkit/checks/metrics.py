"""A rule on the metrics: each takes labels and results, and gives one number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.checks.context import CheckContext
from dlkit.config.causes import first_line
from dlkit.config.problems import Problem
from dlkit.data.bound import Target

# Examples that are made up where none have been read.
FEW = 8


def give_no_number(case: CheckContext) -> Iterator[Problem]:
    """Every metric is updated as in a run, so that none fails in the first epoch."""
    for name, target in case.built.spec.targets.items():
        labels, logits, weights = _examples(case, name, target)
        results = case.built.results({name: logits})[name]
        for number, metric in enumerate(case.built.choice.metrics(target)):
            true, given = target.settings.metric_values(target, metric, labels, results)
            if reason := _why_not(metric, true, given, weights):
                yield Problem(
                    "unusable-metric",
                    f"the metric `{metric.name}` of `{name}` {reason[0]}",
                    case.built.choice.metric_key(target, number),
                    help=reason[1],
                )


def _examples(case: CheckContext, name: str, target: Target) -> tuple[Any, Any, Any]:
    """Labels, logits and weights of a target: those of the training batch and its trial, as far as there are any."""
    sample = case.batches.get("train")
    shape = (FEW, *(size or 1 for size in target.shape))
    labels = np.zeros(shape, target.dtype) if sample is None else sample.batch.targets[name]
    weights = None if sample is None else sample.batch.weights.get(name)
    if case.trial is not None:
        return labels, case.trial.outputs[name], weights
    return labels, np.random.default_rng(0).normal(size=(len(labels), target.units)).astype(np.float32), weights


def _why_not(metric: keras.metrics.Metric, labels: Any, results: Any, weights: Any) -> tuple[str, str] | None:
    """Why a metric is no figure of a run, and what to do about it; None where it is one."""
    strategy = tf.distribute.get_strategy()

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def update(*batch: Any) -> None:
        strategy.run(lambda *batch: metric.update_state(*batch[:2], sample_weight=batch[2]), batch)

    try:
        update(*(None if values is None else tf.convert_to_tensor(values) for values in (labels, results, weights)))
        value = metric.result()
        if isinstance(value, dict):
            return "gives several figures, and a metric is one", "leave it out, or make a metric of each"
        shape = list(np.shape(np.asarray(value, np.float64)))
    except Exception as error:  # of Keras or of a plug-in, whatever it is
        reason = f"cannot be computed: {type(error).__name__}: {first_line(error)}"
        return reason, "leave it out, or give it other arguments; of a plug-in's, the mistake may be in its code"
    if shape:
        one = "with one threshold, or with an average over the classes or numbers"
        return f"gives an array of the shape {shape}, and a metric is one number", f"state it {one}, or leave it out"
    return None
