"""How much memory training will take, from the shapes of the model."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dlkit.checks.case import Case, own_layers
from dlkit.data.contract import Indexed
from dlkit.training.optimizers import make_optimizer

BASIS = (
    "activations are every layer's output for a batch, which the backward pass needs, and as much again for their "
    "gradients; what recurrent layers keep between steps is not counted"
)


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes.

    Attributes:
        parameters: the weights.
        gradients: one for each trainable weight.
        optimizer: what the optimizer remembers.
        activations: outputs of all layers for one batch, and their gradients.
        data: examples held in memory.
    """

    parameters: int
    gradients: int
    optimizer: int
    activations: int
    data: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.parameters + self.gradients + self.optimizer + self.activations + self.data


def estimate(case: Case) -> Memory:
    """What training the model will take. It is an estimate: TensorFlow frees and shares buffers as it sees fit."""
    network = case.assembly.network
    settings = case.config.training.optimizer
    optimizer = make_optimizer(settings, settings.learning_rate, case.config.runtime.precision)
    optimizer.build(network.trainable_variables)
    outputs = sum(_bytes(tensor) for layer in own_layers(network) for tensor in _outputs(layer))
    return Memory(
        parameters=sum(_variable_bytes(v) for v in network.weights),
        gradients=sum(_variable_bytes(v) for v in network.trainable_variables),
        optimizer=sum(_variable_bytes(v) for v in optimizer.variables),
        activations=2 * case.config.data.batch_size * outputs,
        data=_data_bytes(case),
    )


def mebibytes(size: float) -> str:
    """A size in the unit that suits it."""
    if size < 2**30:
        return f"{size / 2**20:.1f} MiB" if size < 100 * 2**20 else f"{size / 2**20:.0f} MiB"
    return f"{size / 2**30:.1f} GiB"


def available_memory() -> int | None:
    """Bytes that this machine has free; None where it does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _outputs(layer: keras.layers.Layer) -> list[Any]:
    """What a layer gives, at every place where it is used."""
    return [tensor for node in layer._inbound_nodes for tensor in node.output_tensors]


def _bytes(tensor: Any) -> int:
    """Bytes of one example of a symbolic tensor; sizes that vary count as 1."""
    return int(math.prod(size or 1 for size in tensor.shape[1:])) * _item_size(tensor.dtype)


def _variable_bytes(variable: Any) -> int:
    return int(math.prod(variable.shape)) * _item_size(variable.dtype)


def _item_size(dtype: str) -> int:
    return int(np.dtype(keras.backend.standardize_dtype(dtype)).itemsize)


def _data_bytes(case: Case) -> int:
    if case.splits is None:
        return 0
    arrays = [
        array
        for split in (case.splits.train, case.splits.validation, case.splits.test)
        if isinstance(split, Indexed) and split.arrays is not None
        for part in split.arrays
        for array in part.values()
    ]
    return sum(array.nbytes for array in arrays)
