"""The compiled program of evaluation: every example of a split counts once, on however many replicas."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.data.contract import Examples
from dlkit.data.feeding import Feeder
from dlkit.models.build import BuiltModel
from dlkit.training.program.forward import by_target, forward, penalties
from dlkit.training.program.metrics import RunningMetrics
from dlkit.training.program.shards import Rows, cut, gathered, join, own_shards, shard_sizes


class EvalProgram:
    """Evaluation of one split, compiled as a graph: it runs a few large batches, which XLA would hardly make faster."""

    def __init__(self, built: BuiltModel, feeder: Feeder, *, parts: int = 1, keep: bool = False) -> None:
        """Compile nothing yet.

        Args:
            built: the model.
            feeder: padded batches, with weights.
            parts: parts of a replica's batch that are computed side by side.
            keep: also keep labels and logits, in `kept`.
        """
        self.metrics = RunningMetrics(built)
        self.kept: list[Examples] = []
        self._strategy = tf.distribute.get_strategy()
        self._built, self._feeder, self._parts, self._keep = built, feeder, parts, keep
        self._chunk = tf.function(self._batches, autograph=False)

    def run(self) -> dict[str, float]:
        """Loss and metrics over the whole split, by name."""
        self.metrics.reset()
        self.kept = []
        for block in self._feeder.blocks(seed=0, epoch=0):
            kept = self._chunk(block.tensors, tf.constant(block.steps))
            if self._keep:
                labels, logits = (_rows(part, block.examples) for part in kept)
                self.kept.append((labels, logits))
        return self.metrics.results()

    def _batches(self, tensors: Any, count: tf.Tensor) -> Any:
        def batch(i: tf.Tensor, *kept: Any) -> Any:
            inputs, targets, weights = self._feeder.pick(tensors, i)
            outputs = gathered(self._strategy, self._strategy.run(self._count, args=(inputs, targets, weights)))
            if kept:
                kept = tuple(
                    {name: array.write(i, values[name]) for name, array in arrays.items()}
                    for arrays, values in zip(kept, (targets, outputs), strict=True)
                )
            return (i + 1, *kept)

        start = (tf.constant(0), *self._keepers(tensors)) if self._keep else (tf.constant(0),)
        _, *kept = tf.while_loop(lambda i, *_: i < count, batch, start)
        return [{name: array.stack() for name, array in arrays.items()} for arrays in kept]

    def _count(self, inputs: Rows, targets: Rows, weights: tf.Tensor) -> Rows:
        """Count a replica's shares of a batch; gives their logits."""
        sizes = shard_sizes(weights.shape[0], self._strategy.num_replicas_in_sync * self._parts)
        own = own_shards(sizes, self._parts)
        outputs = join([forward(self._built, share) for share in cut(inputs, sizes, own)])
        labels = join(cut(targets, sizes, own))
        own_weights = join(cut({"weights": weights}, sizes, own))["weights"]
        per_example = {name: loss(labels[name], outputs[name]) for name, loss in self.metrics.losses.items()}
        self.metrics.update(per_example, penalties(self._built.network), labels, outputs, own_weights)
        return outputs

    def _keepers(self, tensors: Any) -> tuple[dict[str, tf.TensorArray], dict[str, tf.TensorArray]]:
        """Where labels and logits of a block are kept, batch by batch."""
        *_, weights = tensors
        steps, batch = weights.shape
        _, targets, _ = self._feeder.pick(tensors, tf.constant(0))
        logits = by_target(self._built, self._built.network.output)
        return (
            {name: tf.TensorArray(x.dtype, steps, element_shape=x.shape) for name, x in targets.items()},
            {name: tf.TensorArray(x.dtype, steps, element_shape=[batch, *x.shape[1:]]) for name, x in logits.items()},
        )


def _rows(stacked: Rows, count: int) -> dict[str, np.ndarray]:
    """The first `count` rows of tensors of shape (steps, batch, ...)."""
    return {name: x.numpy().reshape(-1, *x.shape[2:])[:count] for name, x in stacked.items()}
