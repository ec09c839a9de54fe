"""How much memory training will take, from the shapes of the model."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.checks.context import CheckContext, own_layers
from dlkit.checks.sketch import sketched
from dlkit.data.contract import Rows
from dlkit.keras_internals import outputs_of_calls
from dlkit.training.program.optimizers import make_optimizer

BASIS = (
    "activations are every layer's output for a batch, which the backward pass needs, and as much again for their "
    "gradients; what recurrent layers keep between steps is not counted; copies are two of the largest weight in an "
    "update, and two of weights and optimizer while a checkpoint or the model is saved"
)

CONTROL_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes.

    Attributes:
        parameters: the weights.
        gradients: one for each trainable weight.
        optimizer: what the optimizer remembers.
        activations: outputs of all layers for one batch, and their gradients.
        copies: what an update, and later saving, holds beside them. Measured on an MLP of 79 million weights: with
            Adam the peak is 11.5 times the weights, with plain SGD 5.6 times.
        data: examples held in memory.
    """

    parameters: int
    gradients: int
    optimizer: int
    activations: int
    copies: int
    data: int

    @property
    def least(self) -> int:
        """What not even one update can do without."""
        return self.parameters + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        """All of it."""
        return self.least + self.activations + self.copies + self.data


def estimate(case: CheckContext) -> Memory:
    """What training the model will take. It is an estimate: TensorFlow frees and shares buffers as it sees fit."""
    network = case.built.network
    outputs = sum(_bytes(tensor) for layer in own_layers(network) for tensor in outputs_of_calls(layer))
    parameters, optimizer = sum(map(_variable_bytes, network.weights)), sketched(lambda: _optimizer_bytes(case))
    largest = max(map(_variable_bytes, network.trainable_variables), default=0)
    return Memory(
        parameters=parameters,
        gradients=sum(map(_variable_bytes, network.trainable_variables)),
        optimizer=optimizer,
        activations=2 * case.config.data.batch_size * outputs,
        copies=2 * largest + 2 * (parameters + optimizer),
        data=_data_bytes(case),
    )


def _optimizer_bytes(case: CheckContext) -> int:
    settings = case.config.training.optimizer
    optimizer = make_optimizer(settings, settings.learning_rate, case.config.runtime.precision)
    optimizer.build(
        [keras.Variable("zeros", v.shape, v.dtype, name=v.name) for v in case.built.network.trainable_variables]
    )
    return sum(map(_variable_bytes, optimizer.variables))


def mebibytes(size: float) -> str:
    """A size in the unit that suits it."""
    if size < 2**30:
        return f"{size / 2**20:.1f} MiB" if size < 100 * 2**20 else f"{size / 2**20:.0f} MiB"
    return f"{size / 2**30:.1f} GiB"


def available_memory() -> int | None:
    """Bytes that this process can still have: of the machine, its container and its own limit; None if none says it."""
    found = [size for size in (_free_of_machine(), _free_of_container(), _free_of_process()) if size is not None]
    return max(0, min(found)) if found else None


def _free_of_machine() -> int | None:
    if (size := _line_of("/proc/meminfo", "MemAvailable:")) is not None:
        return size
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _free_of_container() -> int | None:
    """What a memory limit of Linux's control groups (version 2) leaves, with what it would give up of its caches."""
    try:
        limit, used = ((CONTROL_GROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        cached = re.search(r"^inactive_file (\d+)", (CONTROL_GROUP / "memory.stat").read_text(encoding="ascii"), re.M)
        return int(limit) - int(used) + (int(cached[1]) if cached else 0)
    except (OSError, ValueError):  # `max` is no limit
        return None


def _free_of_process() -> int | None:
    """What `ulimit -v` leaves."""
    try:
        import resource
    except ImportError:
        return None
    limit, used = resource.getrlimit(resource.RLIMIT_AS)[0], _line_of("/proc/self/status", "VmSize:")
    return None if limit == resource.RLIM_INFINITY or used is None else limit - used


def _line_of(path: str, name: str) -> int | None:
    """Bytes in a line such as `MemAvailable:  123 kB` of a file of the system."""
    try:
        for line in Path(path).read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _bytes(tensor: Any) -> int:
    """Bytes of one example of a symbolic tensor; sizes that vary count as 1."""
    return int(math.prod(size or 1 for size in tensor.shape[1:])) * _item_size(tensor.dtype)


def _variable_bytes(variable: Any) -> int:
    return int(math.prod(variable.shape)) * _item_size(variable.dtype)


def _item_size(dtype: str) -> int:
    return int(np.dtype(keras.backend.standardize_dtype(dtype)).itemsize)


def _data_bytes(case: CheckContext) -> int:
    if case.splits is None:
        return 0
    arrays = [
        array
        for split in (case.splits.train, case.splits.validation, case.splits.test)
        if isinstance(split, Rows)
        for array in tf.nest.flatten(split.held[:3])
        if not isinstance(array, np.memmap)  # which the system drops where memory runs short
    ]
    # The host's arrays, and what is made of them on the device or in tf.data.
    return int(2 * sum(array.nbytes for array in arrays))
