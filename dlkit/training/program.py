"""The compiled program of training: a stretch of steps in one call, on one device or on several replicas.

A stretch takes a block of batches and the bounds of the part to run. The bounds are tensors, so that one compiled
program serves every length; the length of the stretches does not change a bit of the result.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from dlkit.config.schema import Config
from dlkit.data.feeding import Block, Feeder
from dlkit.models.build import Assembly, unwrap
from dlkit.training.choices import Choices
from dlkit.training.forward import by_target, device_stage, penalties
from dlkit.training.meters import Meters
from dlkit.training.optimizers import clip
from dlkit.training.randomness import drawing, key_layer, keyed_twin
from dlkit.training.shares import Rows, cut, join, own_shares, share_sizes


class TrainProgram:
    """Training steps, compiled.

    Attributes:
        meters: loss and metrics of the steps since they were last reset.
        optimizer: the Keras optimizer; its `iterations` counts the updates.
    """

    def __init__(
        self,
        assembly: Assembly,
        feeder: Feeder,
        optimizer: keras.optimizers.Optimizer,
        config: Config,
        choices: Choices,
    ) -> None:
        self.meters = Meters(assembly)
        self.optimizer = optimizer
        self._assembly, self._feeder, self._strategy = assembly, feeder, tf.distribute.get_strategy()
        self._settings, self._parts = config.training.optimizer, choices.parts
        self._twin = keyed_twin(assembly.network, config.seed)
        self._variables = assembly.network.trainable_variables
        numbers = iter(range(1_000_000, 2_000_000))
        for layers in assembly.preprocessing.augment.values():
            for layer in layers:
                key_layer(layer, config.seed, numbers)
        optimizer.build(self._variables)
        # XLA compiles the whole stretch on one device. On several it compiles what each computes by itself, since it
        # has no way to add up over devices.
        xla, alone = choices.compile == "xla", self._strategy.num_replicas_in_sync == 1
        if xla and not alone:
            self._gradients = tf.function(self._gradients, jit_compile=True, autograph=False)  # type: ignore[method-assign]
        # AutoGraph has nothing to convert here, and would take a second to find that out.
        self._stretch = tf.function(self._steps, jit_compile=xla and alone, autograph=False)
        # A short last batch has a shape, and so a program, of its own, which runs once an epoch: not worth XLA's time.
        self._short = tf.function(self._steps, autograph=False)

    def run(self, block: Block, begin: int, end: int) -> None:
        """Run batches `begin` to `end` of a block, the end excluded."""
        program = self._short if block.examples < self._feeder.batch_size else self._stretch
        program(block.tensors, tf.constant(begin), tf.constant(end))

    def _steps(self, tensors: Any, begin: tf.Tensor, end: tf.Tensor) -> None:
        def step(i: tf.Tensor) -> tuple[tf.Tensor]:
            inputs, targets, _ = self._feeder.pick(tensors, i)
            self._strategy.run(self._step, args=(inputs, targets))
            return (i + 1,)

        tf.while_loop(lambda i: i < end, step, (begin,))

    def _step(self, inputs: Rows, targets: Rows) -> None:
        """One update, on each replica: gradients of its shares of the batch, added up over all, clipped, applied."""
        replicas = self._strategy.num_replicas_in_sync
        sizes = share_sizes(next(iter(inputs.values())).shape[0], replicas * self._parts)
        own = own_shares(sizes, self._parts)
        pairs = zip(own, cut(inputs, sizes, own), cut(targets, sizes, own), strict=True)
        # The shares do not depend on each other, so that TensorFlow runs them side by side.
        step = self.optimizer.iterations.value
        done = [self._gradients(x, y, step, number, sum(sizes), len(sizes)) for number, x, y in pairs]
        gradients = _added_up([share.gradients for share in done], self._variables)
        if replicas > 1:
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        gradients = clip(gradients, self._settings)
        # Keras adds up over replicas once more.
        self.optimizer.apply([g / replicas for g in gradients] if replicas > 1 else gradients, self._variables)
        if done:
            per_example, outputs = join([share.per_example for share in done]), join([share.outputs for share in done])
            labels = join(cut(targets, sizes, own))
            self.meters.update(per_example, penalties(self._twin), labels, outputs, None)

    def _gradients(self, inputs: Rows, targets: Rows, step: tf.Tensor, number: int, batch: int, shares: int) -> _Share:
        """Forward and backward pass of one share: its part of the mean loss over the batch, and of the penalties.

        Args:
            inputs: its rows.
            targets: its rows.
            step: updates made before this one.
            number: of the share, which random layers draw by.
            batch: rows of the whole batch.
            shares: of the whole batch.
        """
        with drawing(step, number):
            prepared = device_stage(self._assembly, inputs, augment=True)
            with tf.GradientTape() as tape:
                outputs = by_target(self._assembly, self._twin(unwrap(prepared), training=True))
                per_example = {name: loss(targets[name], outputs[name]) for name, loss in self.meters.losses.items()}
                mean = sum(tf.reduce_sum(values) for values in per_example.values()) / batch
                total = mean + penalties(self._twin) / shares
            gradients = tape.gradient(total, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return _Share(gradients, per_example, outputs)


class _Share(NamedTuple):
    """What the forward and backward pass of a share gives."""

    gradients: list[tf.Tensor]
    per_example: Rows
    outputs: Rows


def _added_up(of_shares: list[list[tf.Tensor]], variables: list[keras.Variable]) -> list[tf.Tensor]:
    """Gradients of a replica's shares, added; zeros for a replica that has none."""
    if not of_shares:
        return [tf.zeros(v.shape, v.dtype) for v in variables]
    return [tf.add_n(of_variable) for of_variable in zip(*of_shares, strict=True)]
