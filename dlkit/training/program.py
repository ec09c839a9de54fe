"""The compiled program: a stretch of training steps, or of evaluation batches, in one call.

A stretch takes a block of batches and the bounds of the part to run. The bounds are tensors, so that one compiled
program serves every length; the length of the stretches does not change a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.schema import Config
from dlkit.data.contract import Examples
from dlkit.data.feeding import Block, Feeder
from dlkit.data.preprocessing import apply_layers
from dlkit.models.build import Assembly, as_float, unwrap
from dlkit.training.choices import Choices
from dlkit.training.optimizers import clip
from dlkit.training.randomness import drawing, key_layer, keyed_twin


class Meters:
    """The running mean of the loss, and the metrics, of one split.

    Names are Keras's: `loss`, then each metric; with several targets also `<target>_loss`, `<target>_<metric>`.
    """

    def __init__(self, assembly: Assembly) -> None:
        self.losses = {name: loss_per_example(assembly, name) for name in assembly.spec.targets}
        self.loss = keras.metrics.Mean(name="loss")
        self.metrics = assembly.metrics(logits=True)
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
        for name, meter in self.target_losses.items():
            meter.update_state(per_example[name], sample_weight=weights)
        for name, metrics in self.metrics.items():
            for metric in metrics:
                metric.update_state(targets[name], outputs[name], sample_weight=weights)

    def results(self) -> dict[str, float]:
        """What has been counted since the last reset, by name."""
        found = {"loss": float(self.loss.result())}
        found |= {meter.name: float(meter.result()) for meter in self.target_losses.values()}
        for name, metrics in self.metrics.items():
            for metric in metrics:
                found[f"{name}_{metric.name}" if self._several else metric.name] = float(metric.result())
        return found

    def reset(self) -> None:
        """Forget what was counted."""
        for meter in self.all():
            meter.reset_state()

    def all(self) -> list[keras.metrics.Metric]:
        """Every Keras metric object, in a fixed order."""
        return [self.loss, *self.target_losses.values(), *(m for ms in self.metrics.values() for m in ms)]

    def variables(self) -> list[keras.Variable]:
        """Their state, in a fixed order."""
        return [variable for meter in self.all() for variable in meter.variables]


def loss_per_example(assembly: Assembly, name: str) -> Callable[[Any, Any], Any]:
    """The loss of a target as a function of labels and logits, one value an example: float32, shape (batch,)."""
    loss = assembly.losses(logits=True, reduction=None)[name]

    def per_example(labels: Any, logits: Any) -> Any:
        values = loss(labels, logits)
        return tf.reduce_mean(values, axis=list(range(1, values.shape.rank))) if values.shape.rank > 1 else values

    return per_example


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
        # AutoGraph has nothing to convert here, and would take a second to find that out.
        self._stretch = tf.function(self._steps, jit_compile=choices.compile == "xla", autograph=False)
        # A short last batch has a shape, and so a program, of its own, which runs once an epoch: not worth XLA's time.
        self._short = tf.function(self._steps, autograph=False)

    def run(self, block: Block, begin: int, end: int) -> None:
        """Run batches `begin` to `end` of a block, the end excluded."""
        program = self._short if block.examples < self._feeder.batch_size else self._stretch
        program(block.tensors, tf.constant(begin), tf.constant(end))

    def _steps(self, tensors: Any, begin: tf.Tensor, end: tf.Tensor) -> None:
        def step(i: tf.Tensor) -> tuple[tf.Tensor]:
            self._strategy.run(self._step, args=self._feeder.pick(tensors, i))
            return (i + 1,)

        tf.while_loop(lambda i: i < end, step, (begin,))

    def _step(self, inputs: Any, targets: Any, weights: Any) -> None:
        """One update: the mean of the per-example losses over the batch, its gradient, clipped, applied."""
        sizes = part_sizes(next(iter(inputs.values())).shape[0], self._parts)
        parts = zip(split_rows(inputs, sizes), split_rows(targets, sizes), strict=True)
        # The parts do not depend on each other, so that TensorFlow runs them side by side.
        done = [self._part(n, x, y, sum(sizes), len(sizes)) for n, (x, y) in enumerate(parts)]
        gradients = [tf.add_n(of_parts) for of_parts in zip(*(part.gradients for part in done), strict=True)]
        self.optimizer.apply(clip(gradients, self._settings), self._variables)
        per_example, outputs = join_rows([p.per_example for p in done]), join_rows([p.outputs for p in done])
        self.meters.update(per_example, penalties(self._twin), targets, outputs, weights)

    def _part(self, number: int, inputs: Any, targets: Any, batch: int, parts: int) -> _Part:
        """Forward and backward pass of one part of the batch: its share of the mean loss, and of the penalties."""
        with drawing(self.optimizer.iterations.value, number):
            prepared = device_stage(self._assembly, inputs, augment=True)
            with tf.GradientTape() as tape:
                outputs = by_target(self._assembly, self._twin(unwrap(prepared), training=True))
                per_example = {name: loss(targets[name], outputs[name]) for name, loss in self.meters.losses.items()}
                share = sum(tf.reduce_sum(values) for values in per_example.values()) / batch
                total = share + penalties(self._twin) / parts
            gradients = tape.gradient(total, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return _Part(gradients, per_example, outputs)


class _Part(NamedTuple):
    """What the forward and backward pass of a part gives."""

    gradients: list[tf.Tensor]
    per_example: dict[str, tf.Tensor]
    outputs: dict[str, tf.Tensor]


def part_sizes(rows: int, parts: int) -> list[int]:
    """Sizes of so many parts of a batch, as equal as they can be, none empty."""
    parts = min(parts, rows)
    return [rows // parts + (n < rows % parts) for n in range(parts)]


def split_rows(by_name: dict[str, tf.Tensor], sizes: list[int]) -> list[dict[str, tf.Tensor]]:
    """Tensors cut along their first axis."""
    if len(sizes) == 1:
        return [by_name]
    cut = {name: tf.split(x, sizes) for name, x in by_name.items()}
    return [{name: pieces[n] for name, pieces in cut.items()} for n in range(len(sizes))]


def join_rows(parts: list[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """The opposite of `split_rows`."""
    if len(parts) == 1:
        return parts[0]
    return {name: tf.concat([part[name] for part in parts], axis=0) for name in parts[0]}


class EvalProgram:
    """Evaluation of one split, compiled as a graph: it runs a few large batches, which XLA would hardly make faster.

    Every example counts once.
    """

    def __init__(self, assembly: Assembly, feeder: Feeder, *, parts: int = 1, keep: bool = False) -> None:
        """Compile nothing yet.

        Args:
            assembly: the model.
            feeder: padded batches, with weights.
            parts: parts of a batch that are computed side by side.
            keep: also keep labels and logits, in `kept`.
        """
        self.meters = Meters(assembly)
        self.kept: list[Examples] = []
        self._assembly, self._feeder, self._parts, self._keep = assembly, feeder, parts, keep
        self._stretch = tf.function(self._batches, autograph=False)

    def run(self) -> dict[str, float]:
        """Loss and metrics over the whole split, by name."""
        self.meters.reset()
        self.kept = []
        for block in self._feeder.blocks(seed=0, epoch=0):
            kept = self._stretch(block.tensors, tf.constant(block.steps))
            if self._keep:
                labels, logits = (_rows(part, block.examples) for part in kept)
                self.kept.append((labels, logits))
        return self.meters.results()

    def _batches(self, tensors: Any, count: tf.Tensor) -> Any:
        def batch(i: tf.Tensor, *kept: Any) -> Any:
            inputs, targets, weights = self._feeder.pick(tensors, i)
            assert weights is not None  # the batches are padded
            sizes = part_sizes(weights.shape[0], self._parts)
            outputs = join_rows([forward(self._assembly, part) for part in split_rows(inputs, sizes)])
            per_example = {name: loss(targets[name], outputs[name]) for name, loss in self.meters.losses.items()}
            self.meters.update(per_example, penalties(self._assembly.network), targets, outputs, weights)
            if kept:
                kept = tuple(
                    {name: array.write(i, values[name]) for name, array in arrays.items()}
                    for arrays, values in zip(kept, (targets, outputs), strict=True)
                )
            return (i + 1, *kept)

        start = (tf.constant(0), *self._keepers(tensors)) if self._keep else (tf.constant(0),)
        _, *kept = tf.while_loop(lambda i, *_: i < count, batch, start)
        return [{name: array.stack() for name, array in arrays.items()} for arrays in kept]

    def _keepers(self, tensors: Any) -> tuple[dict[str, tf.TensorArray], dict[str, tf.TensorArray]]:
        """Where labels and logits of a block are kept, batch by batch."""
        *_, weights = tensors
        steps, batch = weights.shape
        _, targets, _ = self._feeder.pick(tensors, tf.constant(0))
        logits = by_target(self._assembly, self._assembly.network.output)
        return (
            {name: tf.TensorArray(x.dtype, steps, element_shape=x.shape) for name, x in targets.items()},
            {name: tf.TensorArray(x.dtype, steps, element_shape=[batch, *x.shape[1:]]) for name, x in logits.items()},
        )


def _rows(stacked: dict[str, tf.Tensor], count: int) -> dict[str, np.ndarray]:
    """The first `count` rows of tensors of shape (steps, batch, ...)."""
    return {name: x.numpy().reshape(-1, *x.shape[2:])[:count] for name, x in stacked.items()}


def penalties(network: keras.Model) -> Any:
    """The sum of the penalties on a network's weights (L1, L2): a float scalar."""
    return tf.add_n(network.losses) if network.losses else 0.0


def forward(assembly: Assembly, inputs: dict[str, Any]) -> dict[str, Any]:
    """Logits by target, of a batch as the host stage leaves it, without augmentation or dropout."""
    prepared = device_stage(assembly, inputs, augment=False)
    return by_target(assembly, assembly.network(unwrap(prepared), training=False))


def device_stage(assembly: Assembly, inputs: dict[str, Any], *, augment: bool) -> dict[str, Any]:
    """Inputs as the network takes them: the device layers, then in training the random ones."""
    layers = assembly.preprocessing
    prepared = {name: as_float(apply_layers(layers.device[name], x)) for name, x in inputs.items()}
    if augment:
        for name, random in layers.augment.items():
            for layer in random:
                prepared[name] = layer(prepared[name], training=True)
    return prepared


def by_target(assembly: Assembly, outputs: Any) -> dict[str, Any]:
    """The network's outputs as a dictionary by target, also where there is only one."""
    return outputs if isinstance(outputs, dict) else {next(iter(assembly.spec.targets)): outputs}
