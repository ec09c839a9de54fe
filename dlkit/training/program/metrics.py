"""The loss and the metrics of a split, counted inside the compiled program by Keras's own metric objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from dlkit.models.build import BuiltModel


class RunningMetrics:
    """The running mean of the loss, and the metrics, of one split.

    Names are Keras's: `loss`, then each metric; with several targets also `<target>_loss`, `<target>_<metric>`.
    """

    def __init__(self, built: BuiltModel, *, training: bool = False) -> None:
        """RunningMetrics of a split; in training the loss is that of smoothed labels, where they are asked for."""
        smoothing = built.training.label_smoothing if training else 0.0
        self.losses = {name: loss_per_example(built, name, smoothing) for name in built.spec.targets}
        self.loss = keras.metrics.Mean(name="loss")
        self.metrics = built.metrics(logits=True)
        several = len(self.losses) > 1
        self.target_losses = {name: keras.metrics.Mean(name=f"{name}_loss") for name in self.losses} if several else {}
        self._several = several

    def update(self, per_example: dict[str, Any], extra: Any, targets: Any, outputs: Any, weights: Any) -> None:
        """Count one batch.

        Args:
            per_example: loss by target, each of shape (batch,).
            extra: penalties of the weights, a scalar.
            targets: labels by target.
            outputs: logits by target.
            weights: float32, shape (batch,), or None where every example counts once.
        """
        self.loss.update_state(sum(per_example.values()) + extra, sample_weight=weights)
        for name, metric in self.target_losses.items():
            metric.update_state(per_example[name], sample_weight=weights)
        for name, metrics in self.metrics.items():
            for metric in metrics:
                metric.update_state(targets[name], outputs[name], sample_weight=weights)

    def results(self) -> dict[str, float]:
        """What has been counted since the last reset, by name."""
        return {name: float(metric.result()) for name, metric in self._by_name()}

    def names(self) -> list[str]:
        """The names of the results."""
        return [name for name, _ in self._by_name()]

    def _by_name(self) -> Iterator[tuple[str, keras.metrics.Metric]]:
        yield "loss", self.loss
        yield from ((metric.name, metric) for metric in self.target_losses.values())
        for name, metrics in self.metrics.items():
            yield from ((f"{name}_{metric.name}" if self._several else metric.name, metric) for metric in metrics)

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


def loss_per_example(built: BuiltModel, name: str, smoothing: float = 0.0) -> Callable[[Any, Any], Any]:
    """The loss of a target as a function of labels and logits, one value an example: float32, shape (batch,)."""
    loss = built.losses(logits=True, reduction=None, smoothing=smoothing)[name]

    def per_example(labels: Any, logits: Any) -> Any:
        values = loss(labels, logits)
        return tf.reduce_mean(values, axis=list(range(1, values.shape.rank))) if values.shape.rank > 1 else values

    return per_example
