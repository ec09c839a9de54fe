"""Measures a network at one batch, between two chunks: a forward and a backward pass that change nothing.

It runs the same layers, draws and weights that the update of that batch will use, in a program of its own, so that a
run ends with the same bits whether it is watched or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dlkit.data.contract import Batch
from dlkit.data.contract import Tensors as Rows
from dlkit.data.feeding import Block, Feeder
from dlkit.models.build import BuiltModel
from dlkit.models.outline import activation_name
from dlkit.training.health.snapshot import LayerStats
from dlkit.training.program.forward import forward_with_loss, penalties, whole
from dlkit.training.program.randomness import drawing
from dlkit.training.program.train import TrainProgram

RELUS = ("relu", "relu6")
# How far from 0 an output can be, at most; a sigmoid is given as twice its distance from a half.
BOUNDED: dict[str, Callable[[Any], Any]] = {"tanh": tf.abs, "sigmoid": lambda x: tf.abs(2 * x - 1)}


class Tensors(NamedTuple):
    """Everything that one batch gives on its way through a network and back.

    Attributes:
        prepared: inputs after preprocessing and augmentation.
        outputs: of each layer, by its name, from the input on.
        logits: by target.
        losses: by target, shape (batch,).
        loss: of the batch without penalties, a scalar.
        gradients: of the mean loss, one for each trainable variable.
    """

    prepared: Rows
    outputs: Rows
    logits: Rows
    losses: Rows
    loss: tf.Tensor
    gradients: list[tf.Tensor]


class HealthProbe:
    """Measurements of the network of one program.

    Attributes:
        variables_of_layers: numbers of the trainable variables of each layer that has any, from the input on.
    """

    def __init__(self, built: BuiltModel, program: TrainProgram, feeder: Feeder) -> None:
        self._built, self._program, self._feeder = built, program, feeder
        self._strategy = tf.distribute.get_strategy()
        self._observed = _Observed(program)
        self._variables = built.network.trainable_variables
        # Operations of `keras.ops` among the layers have outputs as well.
        self._layers = {operation.name: operation for operation in program.twin.operations}
        self.variables_of_layers = _numbers_by_layer(built.network)
        self._measured = tf.function(self._measure, autograph=False)
        self._copied = tf.function(lambda: [tf.identity(v) for v in self._variables], autograph=False)
        self._moved = tf.function(self._move, autograph=False)

    def measure(self, block: Block, i: int) -> dict[str, Any]:
        """Figures of the batch number `i` of a block: NumPy values of `_figures`, in nested dictionaries."""
        found = self._measured(block.tensors, tf.constant(i))
        return dict(tf.nest.map_structure(lambda x: x.numpy().tolist(), found))

    def weights(self) -> list[tf.Tensor]:
        """A copy of the trainable variables, on their device."""
        return list(self._copied())

    def moved(self, before: list[tf.Tensor]) -> dict[str, float]:
        """By layer, how far the weights are from `before`, as a share of their norm then."""
        return {name: float(value) for name, value in self._moved(before).items()}

    def weights_of_layers(self) -> list[tuple[str, list[np.ndarray]]]:
        """Each layer's weights, trainable or not, from the input on."""
        return [(layer.name, [w.numpy() for w in layer.weights]) for layer in self._built.network.layers]

    def tensors(self, batch: Batch) -> Tensors:
        """Everything that a batch of the training split gives, as the next update would compute it."""
        # Batch normalisation moves its statistics as it computes; they are put back.
        kept = [(v, tf.identity(v)) for v in self._built.network.non_trainable_variables]
        first = self._program.optimizer.iterations.value * self._program.passes
        objective = self._program.metrics.objective
        with drawing(first, 0):
            prepared, mixture = self._program.augmented(batch, first)
            with tf.GradientTape() as tape:
                found = forward_with_loss(
                    self._built, objective, self._observed, prepared, batch,
                    part=whole(objective, batch), training=True, mixture=mixture,
                )  # fmt: skip
            gradients = tape.gradient(found.loss, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        outputs, loss = self._observed.outputs, found.loss - penalties(self._observed)
        with tf.control_dependencies([*gradients, *outputs.values()]):
            for variable, value in kept:
                variable.assign(value)
        return Tensors(prepared, outputs, found.outputs, found.per_example, loss, gradients)

    def _measure(self, tensors: Any, i: tf.Tensor) -> Any:
        rows = -(-self._feeder.batch_size // self._program.passes)
        batch = tf.nest.map_structure(lambda x: x[:rows], self._feeder.pick(tensors, i))
        # Every replica measures the same batch, and the first one is listened to.
        found = self._strategy.run(self._figures, args=(batch,))
        return tf.nest.map_structure(lambda x: self._strategy.experimental_local_results(x)[0], found)

    def _figures(self, batch: Batch) -> dict[str, Any]:
        found, targets = self.tensors(batch), batch.targets
        squares = [tf.reduce_sum(tf.square(tf.cast(g, tf.float32))) for g in found.gradients]
        layers: dict[str, dict[str, tf.Tensor]] = {}
        for name, numbers in self.variables_of_layers.items():
            layers.setdefault(name, {})["gradient"] = tf.sqrt(tf.add_n([squares[n] for n in numbers]))
            layers[name]["weight"] = _norm([self._variables[n] for n in numbers])
        for name, output in found.outputs.items():
            if name in layers or _activation(self._layers[name]) in RELUS:
                layers.setdefault(name, {}).update(self._of_outputs(name, tf.cast(output, tf.float32)))
        order = [name for name in found.outputs if name in layers]
        return {
            "loss": found.loss,
            "gradient": tf.sqrt(tf.add_n(squares)) if squares else tf.constant(0.0),
            "constant": self._constant(batch),
            "layers": {name: layers[name] for name in order},
            "classes": {
                name: (_largest_share(predicted), _largest_share(tf.cast(targets[name], tf.int32)))
                for name, target in self._built.spec.targets.items()
                if (predicted := target.settings.predicted(target, found.logits[name])) is not None
            },
        }

    def _constant(self, batch: Batch) -> tf.Tensor:
        """Loss of a batch, had the network given the same answer to every example: the best one for that batch."""
        objective, answers = self._program.metrics.objective, {}
        for name, labels in batch.targets.items():
            target = self._built.spec.targets[name]
            answer = target.settings.constant(target, labels)
            answers[name] = tf.tile(answer[None], [tf.shape(labels)[0], 1])
        part = whole(objective, batch)
        return objective.total(
            objective.per_example(batch.targets, answers), objective.weights(batch), part.rows, part.weights
        )

    def _of_outputs(self, name: str, output: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scale, dead units and saturation of a layer's outputs."""
        found = {"scale": tf.sqrt(tf.reduce_mean(tf.square(output)))}
        activation = _activation(self._layers[name])
        if activation in RELUS:
            alive = tf.reduce_any(output > 0, axis=list(range(output.shape.rank - 1)))
            found["dead"] = 1 - tf.reduce_mean(tf.cast(alive, tf.float32))
        elif activation in BOUNDED:
            found["saturated"] = tf.reduce_mean(tf.cast(BOUNDED[activation](output) > 0.99, tf.float32))
        return found

    def _move(self, before: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        tiny = tf.constant(1e-12)
        return {
            name: _norm([self._variables[n].value - before[n] for n in numbers])
            / tf.maximum(_norm([before[n] for n in numbers]), tiny)
            for name, numbers in self.variables_of_layers.items()
        }


class _Observed:
    """The network in training, with the outputs of all of its layers to be looked at.

    Attributes:
        outputs: of each layer, by its name, from the input on, in the last call.
    """

    def __init__(self, program: TrainProgram) -> None:
        self._twin = program.twin
        self._every = keras.Model(self._twin.input, {"heads": self._twin.output, "layers": program.outputs})
        self._names = list(program.outputs)
        self.outputs: Rows = {}

    def __call__(self, inputs: Any, *, training: bool) -> Any:
        """What the network gives."""
        found = self._every(inputs, training=training)
        self.outputs = {name: found["layers"][name] for name in self._names}
        return found["heads"]

    @property
    def losses(self) -> list[Any]:
        """Penalties of the weights."""
        return list(self._twin.losses)


def layer_stats(figures: Mapping[str, Mapping[str, float]], moved: Mapping[str, float]) -> dict[str, LayerStats]:
    """The layers of a look, from what `measure` and `moved` gave."""
    return {name: LayerStats(**values, update=moved.get(name)) for name, values in figures.items()}


def _numbers_by_layer(network: keras.Model) -> dict[str, list[int]]:
    """Numbers of the trainable variables of each layer that has any."""
    place = {id(v): n for n, v in enumerate(network.trainable_variables)}
    found = {
        layer.name: [place[id(v)] for v in layer.trainable_variables if id(v) in place] for layer in network.layers
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def _activation(layer: keras.layers.Layer) -> str:
    """Name of a layer's activation; empty where it has none. A recurrent layer has several."""
    return "" if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) else activation_name(layer)


def _norm(tensors: list[Any]) -> tf.Tensor:
    return tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(tf.cast(t, tf.float32))) for t in tensors]))


def _largest_share(classes: tf.Tensor) -> tf.Tensor:
    """Share of the most frequent one among integer classes."""
    classes = tf.reshape(classes, [-1])
    same = tf.reduce_sum(tf.cast(classes[:, None] == classes[None, :], tf.float32), axis=1)
    return tf.reduce_max(same) / tf.cast(tf.shape(classes)[0], tf.float32)
