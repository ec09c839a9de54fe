"""The compiled program of evaluation: every example of a split counts once, on however many replicas."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.data.contract import Batch, Tensors
from dlkit.data.feeding import Feeder
from dlkit.models.build import BuiltModel
from dlkit.training.program.forward import (
    Forward,
    Part,
    by_target,
    device_stage,
    forward_with_loss,
    joined_forward,
    penalties,
)
from dlkit.training.program.metrics import RunningMetrics
from dlkit.training.program.shards import cut, gathered, join, own_shards, shard_sizes


class EvalProgram:
    """Evaluation of one split, compiled as a graph: it runs a few large batches, which XLA would hardly make faster."""

    def __init__(self, built: BuiltModel, feeder: Feeder, *, micro_batches: int = 1, keep: bool = False) -> None:
        """Compile nothing yet.

        Args:
            built: the model.
            feeder: padded batches, with weights.
            micro_batches: those of a replica's batch that are computed side by side.
            keep: also keep labels, results, weights and row numbers, in `kept`.
        """
        self.metrics = RunningMetrics(built)
        self.metrics.create_variables()
        self.kept: list[tuple[Batch, Tensors]] = []
        self._strategy = tf.distribute.get_strategy()
        self._built, self._feeder, self._micro_batches, self._keep = built, feeder, micro_batches, keep
        self._chunk = tf.function(self._batches, autograph=False)

    def run(self) -> dict[str, float]:
        """Loss and metrics over the whole split, by name."""
        self.metrics.reset()
        self.kept = []
        for block in self._feeder.blocks(seed=0, epoch=0):
            kept = self._chunk(block.tensors, tf.constant(block.steps))
            if self._keep:
                targets, weights, rows, results = tf.nest.map_structure(partial(_rows, count=block.examples), kept)
                self.kept.append((Batch({}, targets, weights, rows), results))
        return self.metrics.results()

    def _batches(self, tensors: Any, count: tf.Tensor) -> Any:
        def batch(i: tf.Tensor, *arrays: Any) -> Any:
            picked = self._feeder.pick(tensors, i)
            outputs = gathered(self._strategy, self._strategy.run(self._count, args=(picked,)))
            if arrays:
                values = tf.nest.flatten((*picked[1:], self._built.results(outputs)))
                arrays = tuple(array.write(i, value) for array, value in zip(arrays, values, strict=True))
            return (i + 1, *arrays)

        structure, arrays = self._keepers(tensors) if self._keep else (None, [])
        _, *arrays = tf.while_loop(lambda i, *_: i < count, batch, (tf.constant(0), *arrays))
        return tf.nest.pack_sequence_as(structure, [array.stack() for array in arrays]) if self._keep else ()

    def _count(self, batch: Batch) -> Tensors:
        """Count a replica's shards of a batch; gives their logits."""
        sizes = shard_sizes(batch.rows.shape[0], self._strategy.num_replicas_in_sync * self._micro_batches)
        shards = cut(batch, sizes, own_shards(sizes, self._micro_batches))
        done = [self._forward(shard) for shard in shards]
        joined = joined_forward(done)
        self.metrics.update(joined, penalties(self._built.network), join(shards))
        return joined.outputs

    def _forward(self, batch: Batch) -> Forward:
        prepared = device_stage(self._built, batch.inputs)
        part = Part(batch.rows.shape[0], {name: tf.constant(1.0) for name in batch.targets})  # the loss is not used
        return forward_with_loss(
            self._built, self.metrics.objective, self._built.network, prepared, batch, part=part, training=False
        )

    def _keepers(self, tensors: Any) -> tuple[Any, list[tf.TensorArray]]:
        """The structure of what is kept of a batch, and where it is kept of a block, batch by batch."""
        batch = self._feeder.pick(tensors, tf.constant(0))
        steps = tf.nest.flatten(tensors)[-1].shape[0]
        logits = by_target(self._built, self._built.network.output)
        results = {name: tf.TensorSpec([batch.rows.shape[0], x.shape[-1]], tf.float32) for name, x in logits.items()}
        structure = (*batch[1:], results)
        return structure, [tf.TensorArray(x.dtype, steps, element_shape=x.shape) for x in tf.nest.flatten(structure)]


def _rows(stacked: tf.Tensor, count: int) -> np.ndarray:
    """The first `count` rows of a tensor of shape (steps, batch, ...)."""
    rows: np.ndarray = stacked.numpy().reshape(-1, *stacked.shape[2:])[:count]
    return rows
