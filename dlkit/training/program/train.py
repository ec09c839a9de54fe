"""The compiled program of training: a chunk of steps in one call, on one device or on several replicas.

A chunk takes a block of batches and the bounds of the part to run. The bounds are tensors, so that one compiled
program serves every length; the length of the chunks does not change a bit of the result.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from dlkit.data.augment import Share, augmented
from dlkit.data.contract import Batch, Tensors
from dlkit.data.feeding import Block, Feeder
from dlkit.models.build import BuiltModel
from dlkit.schema import Config
from dlkit.training.program.execution import ExecutionPlan
from dlkit.training.program.forward import (
    Forward,
    Part,
    device_stage,
    forward_with_loss,
    joined_forward,
    penalties,
    whole,
)
from dlkit.training.program.metrics import RunningMetrics
from dlkit.training.program.optimizers import clip, clips
from dlkit.training.program.randomness import drawing, key_layer, keyed_twin
from dlkit.training.program.shards import cut, join, own_shards, shard_sizes


class TrainProgram:
    """Training steps, compiled.

    Attributes:
        metrics: loss and metrics of the steps since they were last reset.
        optimizer: the Keras optimizer, built; its `iterations` counts the updates.
        twin: the network as it is trained, its random layers keyed.
        outputs: the twin's symbolic output at each layer, by its name.
        passes: batches that make an update.
    """

    def __init__(
        self,
        built: BuiltModel,
        feeder: Feeder,
        optimizer: keras.optimizers.Optimizer,
        config: Config,
        choices: ExecutionPlan,
    ) -> None:
        self._scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        self.metrics = RunningMetrics(built, training=True)
        self.metrics.create_variables()
        self.optimizer = optimizer
        self.built, self._feeder, self._strategy = built, feeder, tf.distribute.get_strategy()
        self._settings, self._micro_batches = config.training.optimizer, choices.micro_batches
        self.passes = config.training.optimizer.gradient_accumulation_steps or 1
        self.twin, self.outputs = keyed_twin(built.network, config.seed)
        self._variables = built.network.trainable_variables
        numbers = iter(range(1_000_000, 2_000_000))
        for layers in built.preprocessing.augment.values():
            for layer in layers:
                key_layer(layer, config.seed, numbers)
        # XLA compiles the whole chunk on one device. On several it compiles what each computes by itself, since it
        # has no way to add up over devices.
        xla, alone = choices.compile == "xla", self._strategy.num_replicas_in_sync == 1
        if xla and not alone:
            self._gradients = tf.function(self._gradients, jit_compile=True, autograph=False)  # type: ignore[method-assign]
        # AutoGraph has nothing to convert here, and would take a second to find that out.
        self._chunk = tf.function(self._steps, jit_compile=xla and alone, autograph=False)
        # A short last batch has a shape, and so a program, of its own, which runs once an epoch: not worth XLA's time.
        self._short = tf.function(self._steps, autograph=False)

    def run(self, block: Block, begin: int, end: int) -> None:
        """Run batches `begin` to `end` of a block, the end excluded."""
        program = self._short if block.examples < self._feeder.batch_size else self._chunk
        program(block.tensors, tf.constant(begin), tf.constant(end))

    def update(self, batch: Batch) -> None:
        """One update by a batch, as the compiled program makes it."""
        self._strategy.run(self._step, args=(batch,))

    def augmented(self, batch: Batch, number: tf.Tensor) -> tuple[Tensors, list[Share]]:
        """A batch as the network takes it in the pass of this number, and what its examples are mixtures of."""
        layers, prepared = self.built.preprocessing.augment, device_stage(self.built, batch.inputs)
        epoch = number // (self._feeder.steps * self.passes)
        return augmented(layers, prepared, batch.rows, epoch)

    def _steps(self, tensors: Any, begin: tf.Tensor, end: tf.Tensor) -> None:
        def step(i: tf.Tensor) -> tuple[tf.Tensor]:
            self.update(self._feeder.pick(tensors, i))
            return (i + 1,)

        tf.while_loop(lambda i: i < end, step, (begin,))

    def _step(self, batch: Batch) -> None:
        """One update, on each replica: gradients of its shards of the batch, added up over all, clipped, applied."""
        replicas = self._strategy.num_replicas_in_sync
        gradients = self._accumulated(batch)
        if replicas > 1 and (clips(self._settings) or self._scales):
            # What is clipped, or looked at for overflow, is the sum; and Keras adds up over replicas once more.
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            gradients = [g / replicas for g in clip(gradients, self._settings, self._scaled(1.0))]
        else:
            gradients = clip(gradients, self._settings, self._scaled(1.0))
        self.optimizer.apply(gradients, self._variables)

    def _accumulated(self, batch: Batch) -> list[tf.Tensor]:
        """This replica's gradients of a batch, which goes through the network in one pass or in several."""
        whole_batch = whole(self.metrics.objective, batch)
        size = -(-self._feeder.batch_size // self.passes)
        full, rest = divmod(whole_batch.rows, size)
        first = self.optimizer.iterations.value * self.passes
        if whole_batch.rows <= size:
            return self._pass(batch, first, whole_batch)

        def one(i: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = tf.nest.map_structure(lambda x: _slice(x, i * size, size), batch)
            return (i + 1, *map(tf.add, sums, self._pass(rows, first + tf.cast(i, first.dtype), whole_batch)))

        start = (tf.constant(0), *(tf.zeros(v.shape, v.dtype) for v in self._variables))
        _, *sums = tf.while_loop(lambda i, *_: i < full, one, start)
        if rest:
            rows = tf.nest.map_structure(lambda x: x[full * size :], batch)
            sums = [*map(tf.add, sums, self._pass(rows, first + full, whole_batch))]
        return list(sums)

    def _pass(self, batch: Batch, number: tf.Tensor, whole_batch: Part) -> list[tf.Tensor]:
        """One pass through the network: this replica's gradients of these rows of a batch, its metrics counted."""
        sizes = shard_sizes(_rows(batch), self._strategy.num_replicas_in_sync * self._micro_batches)
        own = own_shards(sizes, self._micro_batches)
        # Each shard has its part of the penalties of the weights, so that all of a batch's shards have them once.
        part = whole_batch._replace(penalties=sum(sizes) / whole_batch.rows / len(sizes))
        shards = cut(batch, sizes, own)
        # The shards do not depend on each other, so that TensorFlow runs them side by side.
        done = [self._gradients(shard, number, n, part) for n, shard in zip(own, shards, strict=True)]
        if done:
            self.metrics.update(joined_forward([shard.forward for shard in done]), penalties(self.twin), join(shards))
        return _added_up([shard.gradients for shard in done], self._variables)

    def _gradients(self, batch: Batch, number: tf.Tensor, shard: int, part: Part) -> _Shard:
        """Forward and backward pass of one shard: its part of the mean loss over the batch, and of the penalties.

        Args:
            batch: its rows.
            number: of the pass, which random layers draw by.
            shard: its number, which they draw by as well.
            part: what it is of the batch.
        """
        with drawing(number, shard):
            prepared, mixture = self.augmented(batch, number)
            # A tape that watches every variable it meets goes back through what is frozen as well.
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([variable.value for variable in self._variables])
                found = forward_with_loss(
                    self.built, self.metrics.objective, self.twin, prepared, batch,
                    part=part, training=True, mixture=mixture,
                )  # fmt: skip
                loss = self._scaled(found.loss)
            gradients = tape.gradient(loss, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return _Shard(gradients, found)

    def _scaled(self, loss: Any) -> Any:
        """The loss, scaled up where float16 would lose small gradients."""
        return self.optimizer.scale_loss(loss) if self._scales else loss


class _Shard(NamedTuple):
    """What the forward and backward pass of a shard gives."""

    gradients: list[tf.Tensor]
    forward: Forward


def _rows(batch: Batch) -> int:
    return int(next(iter(batch.inputs.values())).shape[0])


def _slice(x: tf.Tensor, begin: tf.Tensor, size: int) -> tf.Tensor:
    """Rows from `begin` on; tf.slice keeps their number static, which XLA needs."""
    return tf.slice(x, [begin, *[0] * (x.shape.rank - 1)], [size, *x.shape[1:]])


def _added_up(of_shards: list[list[tf.Tensor]], variables: list[keras.Variable]) -> list[tf.Tensor]:
    """Gradients of a replica's shares, added; zeros for a replica that has none."""
    if not of_shards:
        return [tf.zeros(v.shape, v.dtype) for v in variables]
    return [tf.add_n(of_variable) for of_variable in zip(*of_shards, strict=True)]
