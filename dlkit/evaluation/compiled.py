"""The losses and metrics that a saved model was compiled with, as Keras's own objects, and its figures over a split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np

from dlkit.config.keras_names import snake_case
from dlkit.data.bound import Target
from dlkit.data.contract import Batch
from dlkit.evaluation.trained import Trained, model_blamed
from dlkit.models.objective import Objective
from dlkit.models.predictions import Predictions


class Compiled:
    """What a saved model says of how it is measured.

    Attributes:
        path: of its file.
        objective: its losses, one value an example, and their weights.
        metrics: by target, and the figures of its kind, which Keras does not have; they see results.
        penalty: of its weights (L1, L2), which Keras adds to the loss.
    """

    def __init__(self, trained: Trained) -> None:
        """Make them again.

        Raises:
            RunError: if the file names losses or metrics that its outputs do not have.
        """
        self.path = trained.path
        targets = list(trained.spec.targets)
        with model_blamed(self.path):
            config = trained.model.get_compile_config() or {}
            given = _by_target(config.get("loss"), targets)
            own = {name: target for name, target in trained.spec.targets.items() if target.settings.own_loss_name}
            if set(given) | set(own) != set(targets):
                raise ValueError("it has no loss for some of its targets")
            losses = {
                name: (target.settings.own_loss(target, logits=False), None)
                if name in own
                else _one_an_example(given[name], target)
                for name, target in trained.spec.targets.items()
            }
            weights = {n: float(w) for n, w in _by_target(config.get("loss_weights"), targets).items() if w is not None}
            self.objective = Objective(
                {name: loss for name, (loss, _) in losses.items()},
                loss_weights=weights,
                ignored={name: ignored for name, (_, ignored) in losses.items() if ignored is not None},
            )
            metrics = _by_target(config.get("metrics"), targets)
            self.metrics = {
                name: [*(_metric(m) for m in _listed(metrics.get(name))), *target.settings.own_metrics(target)]
                for name, target in trained.spec.targets.items()
            }
            self.penalty = float(sum(float(x) for x in trained.model.losses))

    def update(self, part: Predictions) -> None:
        """Count some examples in the metrics.

        Raises:
            RunError: if a metric does not take them.
        """
        with model_blamed(self.path):
            for name, metrics in self.metrics.items():
                target = part.targets[name]
                for metric in metrics:
                    counted = target.settings.metric_values(target, metric, part.labels[name], part.results[name])
                    metric.update_state(*counted, sample_weight=part.weights.get(name))

    def results(self) -> dict[str, float]:
        """What the metrics have counted, by name, with the target before it where there are several.

        Raises:
            RunError: if one of them is no number.
        """
        several = len(self.objective.losses) > 1
        with model_blamed(self.path):
            return {
                f"{name}_{metric.name}" if several else metric.name: float(metric.result())
                for name, metrics in self.metrics.items()
                for metric in metrics
            }


def figures(compiled: Compiled, parts: Iterable[Predictions]) -> tuple[dict[str, float], int]:
    """Loss and metrics over all examples of a split, every one of which counts by its own weight alone.

    The loss is the sum over targets of `loss_weight * sum_i(w_i * loss_i) / sum_i(w_i)`, and the weights' penalty.

    Args:
        compiled: losses and metrics of the model; the metrics begin again.
        parts: predictions with labels, a batch at a time.

    Returns:
        Figures by name (`loss`, then each metric; with several targets also `<target>_loss`, `<target>_<metric>`), and
        the number of examples.
    """
    several = len(compiled.objective.losses) > 1
    sums = dict.fromkeys(compiled.objective.losses, 0.0)
    counts = dict.fromkeys(compiled.objective.losses, 0.0)
    examples = 0
    for metric in (m for made in compiled.metrics.values() for m in made):
        metric.reset_state()
    for part in parts:
        examples += len(part)
        weights = _weights(compiled.objective, part)
        for name in sums:
            losses = part.losses[name].astype(np.float64)
            sums[name] += float((losses * weights[name]).sum())
            counts[name] += float(weights[name].sum())
        compiled.update(part)
    means = {name: total / counts[name] if counts[name] else 0.0 for name, total in sums.items()}
    loss = sum(float(compiled.objective.weighted(name, mean)) for name, mean in means.items()) + compiled.penalty
    of_targets = {f"{name}_loss": mean for name, mean in means.items()} if several else {}
    return {"loss": loss, **of_targets, **compiled.results()}, examples


def _weights(objective: Objective, part: Predictions) -> dict[str, np.ndarray]:
    """How much each example counts in the loss of each target: float64, shape (n,)."""
    found = objective.weights(Batch({}, dict(part.labels), dict(part.weights), part.rows))
    return {
        name: np.asarray(found[name], np.float64) if name in found else np.ones(len(part)) for name in objective.losses
    }


def _by_target(given: Any, targets: list[str]) -> dict[str, Any]:
    """A setting of `compile` by target: Keras takes it bare where there is one output."""
    if isinstance(given, Mapping) and set(given) == set(targets):
        return dict(given)
    if given is None:
        return {}
    return {targets[0]: given}


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given] if given is not None else []


def _one_an_example(given: Any, target: Target) -> tuple[Callable[[Any, Any], Any], int | None]:
    """A loss as training has it, without its mean over the batch, and the class that it leaves out."""
    # Keras's own `get` does not know all of its losses (3.15).
    loss = keras.saving.deserialize_keras_object(given) if isinstance(given, dict) else keras.losses.get(given)
    if not isinstance(loss, keras.losses.Loss):
        return loss, None
    settings = {**loss.get_config(), "reduction": None}
    # Such examples get no weight: of one value an example, Keras would leave 0 and count it.
    ignored = settings.pop("ignore_class", None)
    made, name = type(loss).from_config(settings), snake_case(type(loss).__name__)
    return target.settings.loss_function(target, name, made, logits=False), ignored


def _metric(given: Any) -> keras.metrics.Metric:
    found = keras.metrics.get(given)
    return found if isinstance(found, keras.metrics.Metric) else keras.metrics.MeanMetricWrapper(found)
