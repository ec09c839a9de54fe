"""The state of a run in arrays: what a checkpoint holds of network, optimizer and metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.problems import Problem, RunError
from dlkit.models.pretrained import settle
from dlkit.training.program.optimizers import judged
from dlkit.training.program.train import TrainProgram

Arrays = Mapping[str, np.ndarray]


class State:
    """The variables of a network and of the program that trains it."""

    def __init__(self, network: keras.Model, program: TrainProgram) -> None:
        self._network, self._program = network, program
        # The mean of the weights over epochs, and how many those are.
        self._mean: list[np.ndarray] = []
        self._epochs = 0
        self._finite = tf.function(self._all_finite, autograph=False)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's weights by `weights/<number>`, in its order."""
        return {f"weights/{i}": v.numpy() for i, v in enumerate(self._network.weights)}

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything: weights, their mean over epochs, optimizer, metrics."""
        arrays = self.weights()
        if self._mean:
            arrays |= {"mean/epochs": np.array(self._epochs), **{f"mean/{i}": m for i, m in enumerate(self._mean)}}
        arrays |= {f"optimizer/{i}": v.numpy() for i, v in enumerate(self._program.optimizer.variables)}
        arrays |= {f"metrics/{i}": v.numpy() for i, v in enumerate(self._program.metrics.variables())}
        return arrays

    def restore(self, arrays: Arrays, *, keep_rate: bool) -> None:
        """Take everything from a checkpoint's arrays.

        Args:
            arrays: as `arrays` gave them.
            keep_rate: leave the learning rate as it is now.

        Raises:
            RunError: if they are those of another model.
        """
        self.restore_weights(arrays)
        self._epochs = int(arrays.get("mean/epochs", 0))
        self._mean = [arrays[f"mean/{i}"] for i in range(len(self._floats()))] if self._epochs else []
        rate = getattr(self._program.optimizer.learning_rate, "path", None) if keep_rate else None
        _assign(self._program.optimizer.variables, "optimizer", arrays, leave=rate)
        _assign(self._program.metrics.variables(), "metrics", arrays)

    def restore_weights(self, arrays: Arrays) -> None:
        """Take the network's weights from a checkpoint's arrays."""
        _assign(self._network.weights, "weights", arrays)
        settle(self._network)

    def finite(self) -> bool:
        """Whether every weight of the network is a finite number."""
        return bool(self._finite())

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block, weights are what is judged of them: their averages, where such are kept."""
        judged_by = self._judged()
        own = [(variable, variable.numpy()) for variable, _ in judged_by]
        _put(judged_by)
        try:
            yield
        finally:
            _put(own)

    def take_averages(self) -> None:
        """Put averages in the place of weights, where such are kept."""
        _put(self._judged())

    def add_to_mean(self) -> None:
        """Count the weights, and the statistics of batch normalisation, in their mean over epochs (Izmailov et al.,
        "Averaging weights leads to wider optima and better generalization", 2018).
        """
        weights = [v.numpy() for v in self._floats()]
        self._epochs += 1
        self._mean = [m + (w - m) / self._epochs for m, w in zip(self._mean or weights, weights, strict=True)]

    def _judged(self) -> list[tuple[keras.Variable, np.ndarray]]:
        if self._mean:
            return list(zip(self._floats(), self._mean, strict=True))
        return judged(self._program.optimizer)

    def _floats(self) -> list[keras.Variable]:
        return [v for v in self._network.weights if keras.backend.is_float_dtype(v.dtype)]

    def _all_finite(self) -> tf.Tensor:
        return tf.reduce_all([tf.reduce_all(tf.math.is_finite(v.value)) for v in self._floats()])


def _put(values: list[tuple[keras.Variable, np.ndarray]]) -> None:
    for variable, value in values:
        variable.assign(value)


def _assign(variables: list[keras.Variable], group: str, arrays: Arrays, leave: str | None = None) -> None:
    for i, variable in enumerate(variables):
        array = arrays.get(f"{group}/{i}")
        if array is None or tuple(array.shape) != tuple(variable.shape):
            raise RunError(
                Problem(
                    "checkpoint-of-another-run",
                    f"the checkpoint has no {group} of shape {tuple(variable.shape)} for `{variable.path}`",
                    help="it was made by another model",
                )
            )
        if variable.path != leave:
            variable.assign(array)
