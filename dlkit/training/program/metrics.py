"""The loss and the metrics of a split, counted inside the compiled program by Keras's own metric objects."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import tensorflow as tf

from dlkit.data.contract import Batch
from dlkit.keras_internals import direction, waits_for_shapes
from dlkit.models.build import BuiltModel
from dlkit.training.program.forward import Forward


class RunningMetrics:
    """The running mean of the loss, and the metrics, of one split.

    Names are Keras's: `loss`, then each metric; with several targets also `<target>_loss`, `<target>_<metric>`.

    Losses see logits, and are weighted as in training: by example, and in training by class. Metrics see results
    (probabilities, numbers in the target's unit), weighted by example.
    """

    def __init__(self, built: BuiltModel, *, training: bool = False) -> None:
        """Metrics of a split; in training the loss is that of smoothed labels and weighted classes, if asked for."""
        self.objective = built.objective(training=training)
        self.losses = self.objective.losses
        self._built = built
        self.loss = keras.metrics.Mean(name="loss")
        self.metrics = built.metrics()
        self._several = len(self.losses) > 1
        self.target_losses = {n: keras.metrics.Mean(name=f"{n}_loss") for n in self.losses} if self._several else {}

    def make_variables(self) -> None:
        """Make those of metrics that wait for their first update, so that a checkpoint has a place for each.

        Nothing may have been counted.
        """
        for name, metrics in self.metrics.items():
            target, settings = self._built.spec.targets[name], self._built.spec.targets[name].settings
            labels = tf.zeros([1, *(size or 1 for size in target.shape)], target.dtype)
            results = settings.results(target, tf.zeros([1, target.units]))
            for metric in filter(waits_for_shapes, metrics):
                counted = settings.metric_values(target, metric, labels, results)
                # As in the program that counts, on every replica.
                update = tf.function(lambda *values, m=metric: m.update_state(*values), autograph=False)
                tf.distribute.get_strategy().run(update, counted)
                metric.reset_state()

    def update(self, forward: Forward, penalties: object, batch: Batch) -> None:
        """Count one batch, or a shard of it.

        Args:
            forward: what it gave.
            penalties: of the weights, a scalar.
            batch: its labels, and its weights for the metrics.
        """
        weights = forward.weights
        if self.objective.alike:
            losses = [self.objective.weighted(name, values) for name, values in forward.per_example.items()]
            shared = next(iter(weights.values())) if weights else None
            self.loss.update_state(sum(losses) + penalties, sample_weight=shared)
        else:
            self.loss.update_state(penalties)
        for name, metric in self.target_losses.items():
            metric.update_state(forward.per_example[name], sample_weight=weights.get(name))
        if any(self.metrics.values()):
            results = self._built.results(forward.outputs)
            for name, metrics in self.metrics.items():
                target = self._built.spec.targets[name]
                for metric in metrics:
                    counted = target.settings.metric_values(target, metric, batch.targets[name], results[name])
                    metric.update_state(*counted, sample_weight=batch.weights.get(name))

    def results(self) -> dict[str, float]:
        """What has been counted since the last reset, by name."""
        return {
            name: self._total() if metric is self.loss else float(metric.result()) for name, metric in self._by_name()
        }

    def counted(self) -> tuple[float, float]:
        """The loss summed over what has been counted, and how much that was: examples, or their weights."""
        count = float(self.loss.count.numpy())
        return (float(self.loss.total.numpy()) if self.objective.alike else self._total() * count), count

    def _total(self) -> float:
        """The loss: where examples weigh differently in the targets' losses, the sum of the targets' own means."""
        total = float(self.loss.result())
        if self.objective.alike:
            return total
        of_targets = (self.objective.weighted(n, float(m.result())) for n, m in self.target_losses.items())
        return float(total + sum(of_targets))

    def names(self) -> list[str]:
        """The names of the results."""
        return [name for name, _ in self._by_name()]

    def _by_name(self) -> Iterator[tuple[str, keras.metrics.Metric]]:
        yield "loss", self.loss
        yield from ((metric.name, metric) for metric in self.target_losses.values())
        for name, metrics in self.metrics.items():
            yield from ((f"{name}_{metric.name}" if self._several else metric.name, metric) for metric in metrics)

    def directions(self) -> dict[str, str | None]:
        """By name, whether higher (`max`) or lower (`min`) is better; None where the metric does not say it."""
        losses = {id(metric) for metric in (self.loss, *self.target_losses.values())}
        return {name: "min" if id(metric) in losses else _direction(metric) for name, metric in self._by_name()}

    def reset(self) -> None:
        """Forget what was counted."""
        for metric in self.all():
            metric.reset_state()

    def all(self) -> list[keras.metrics.Metric]:
        """Every Keras metric object, in a fixed order."""
        return [self.loss, *self.target_losses.values(), *(m for ms in self.metrics.values() for m in ms)]

    def variables(self) -> list[keras.Variable]:
        """Their state, in a fixed order."""
        return [variable for metric in self.all() for variable in metric.variables]


def _direction(metric: keras.metrics.Metric) -> str | None:
    """Whether higher or lower is better: what Keras says of the metric, and of those that count examples by name."""
    if isinstance(metric, keras.metrics.FalsePositives | keras.metrics.FalseNegatives):
        return "min"
    if isinstance(metric, keras.metrics.TruePositives | keras.metrics.TrueNegatives):
        return "max"
    return {"up": "max", "down": "min"}.get(direction(metric))
