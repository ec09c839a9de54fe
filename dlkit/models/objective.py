"""What training minimises: a loss for each target, and how much each example and each target counts in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from dlkit.data.contract import Batch, Tensors


class Objective:
    """The losses of a model's targets with their weights.

    Attributes:
        losses: by target, a function of labels and logits: float32, shape (batch,).
        alike: whether the examples weigh the same in the losses of all targets.
    """

    def __init__(
        self,
        losses: Mapping[str, Callable[[Any, Any], Any]],
        *,
        loss_weights: Mapping[str, float] | None = None,
        class_weights: Mapping[str, Callable[[Any], Any]] | None = None,
        ignored: Mapping[str, int] | None = None,
    ) -> None:
        """Gather what the objective is made of.

        Args:
            losses: by target, as Keras's losses without a reduction give them.
            loss_weights: by target, what its mean loss is multiplied with; 1 where there is none.
            class_weights: by target, a function of labels, shape (batch,): the weight of each example's class.
            ignored: by target, the class whose examples do not count (`ignore_class` of Keras's losses).
        """
        self.losses = {name: _one_an_example(loss) for name, loss in losses.items()}
        self._loss_weights = dict(loss_weights or {})
        self._class_weights, self._ignored = dict(class_weights or {}), dict(ignored or {})
        self.alike = len(self.losses) == 1 or not (self._class_weights or self._ignored)

    def per_example(self, labels: Tensors, outputs: Tensors) -> Tensors:
        """The loss of each example by target, without weights: float32, shape (batch,)."""
        return {name: loss(labels[name], outputs[name]) for name, loss in self.losses.items()}

    def weights(self, batch: Batch) -> Tensors:
        """How much each example counts in the loss of each target: its own weight times that of its class.

        Returns:
            By target, float32, shape (batch,); empty where every example counts once in every loss.
        """
        if not (batch.weights or self._class_weights or self._ignored):
            return {}
        found = {}
        for name in self.losses:
            labels = batch.targets[name]
            weights = batch.weights.get(name)
            weights = tf.ones(tf.shape(labels)[:1], tf.float32) if weights is None else weights
            if name in self._class_weights:
                weights *= self._class_weights[name](labels)
            if name in self._ignored:
                weights *= tf.cast(tf.reshape(labels, [-1]) != self._ignored[name], tf.float32)
            found[name] = weights
        return found

    def weighted(self, name: str, values: Any) -> Any:
        """Losses of a target times its `loss_weight`."""
        factor = self._loss_weights.get(name, 1.0)
        return values if factor == 1.0 else values * factor

    def total(self, per_example: Tensors, weights: Tensors, rows: int, sums: Tensors) -> Any:
        """What a batch, or a shard of it, adds to the loss that is minimised: a scalar.

        Args:
            per_example: as `per_example` gave them.
            weights: as `weights` gave them.
            rows: of the whole batch.
            sums: of the weights of the whole batch by target.
        """
        if not weights:
            return sum(self.weighted(name, tf.reduce_sum(values)) for name, values in per_example.items()) / rows
        return sum(
            # A batch whose examples all weigh nothing adds nothing.
            self.weighted(name, tf.math.divide_no_nan(tf.reduce_sum(weights[name] * values), sums[name]))
            for name, values in per_example.items()
        )


def _one_an_example(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The loss with one value an example, where Keras's gives several, as one for each number."""

    def per_example(labels: Any, outputs: Any) -> Any:
        values = loss(labels, outputs)
        return tf.reduce_mean(values, axis=list(range(1, values.shape.rank))) if values.shape.rank > 1 else values

    return per_example
