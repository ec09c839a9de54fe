"""What is chosen when a run begins and stays with it: by fixed rules on network, batch and machine, never a stopwatch.

XLA and parallel parts change the last bits of a result, and the epochs over which a schedule is spread its course. All
of it is kept in the run, and a run is resumed with the choices it began with, on whatever machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tensorflow as tf
from pydantic import Field

from dlkit.config.problems import Problem, RunError
from dlkit.config.schema import Config
from dlkit.config.schema.model import Cnn, Mlp, Model
from dlkit.models.build import BuiltModel
from dlkit.runs import RunFolder

# XLA compiles these badly for a CPU: convolutions and their pooling run in naive kernels, and images are resampled by
# an operation it does not have.
NOT_FOR_XLA_ON_CPU = ("Conv", "Pooling", "Random", "Resizing")
# Smaller parts than these are not worth running side by side (docs/benchmarks.md). A perceptron without dropout is
# faster as one XLA program; with it XLA spends much of its time, and on one core, on drawing.
SMALLEST_PART = {"cnn": 16, "rnn": 64, "mlp": 128}


@dataclass(frozen=True)
class ExecutionPlan:
    """How a training step is compiled, and how far its schedule reaches.

    Attributes:
        compile: `xla` or `graph`.
        parts: equal parts of a batch that are computed side by side in one graph, their gradients added.
        schedule_epochs: epochs over which the learning-rate schedule is spread; more epochs do not chunk it.
    """

    compile: Literal["xla", "graph"]
    parts: Annotated[int, Field(ge=1)]
    schedule_epochs: Annotated[int, Field(ge=1, lt=2**31)]


def choose_parts(config: Config) -> int:
    """The number of parts for a configuration on this machine; known before TensorFlow starts.

    On a CPU, convolutions, and recurrent layers and dropout with large batches, leave cores idle: they run in a part
    for each core. Batch normalisation would see the statistics of each part, and neither replicas nor a GPU leave cores
    idle: there it is one part.
    """
    model, batch_size, wanted = config.model, config.data.batch_size, config.runtime.parts
    if wanted != "auto":
        return min(wanted, batch_size)
    if config.runtime.devices not in (None, "cpu", "cpu:1"):
        return 1  # the replicas fill the cores
    if config.runtime.compile == "xla" or _normalised(model) or tf.config.list_physical_devices("GPU"):
        return 1
    if isinstance(model, Mlp) and not model.dropout:
        return 1
    smallest = SMALLEST_PART.get(model.builder)
    return max(1, min(cores(), batch_size // smallest)) if smallest else 1


def choose(config: Config, built: BuiltModel, replicas: int) -> ExecutionPlan:
    """The choices for a model on so many replicas of this machine, as far as `runtime` leaves them open.

    On one CPU, XLA compiles networks in one part that have no convolutions, pooling or random image layers. The rest is
    a graph; so are replicas, each of which starts a compiled program more slowly than the few operations of a graph.
    """
    parts, compile_ = choose_parts(config), config.runtime.compile
    if compile_ == "auto":
        on_cpu = not tf.config.list_physical_devices("GPU")
        slow = any(word in kind for kind in _layer_kinds(built) for word in NOT_FOR_XLA_ON_CPU)
        compile_ = "xla" if on_cpu and parts == replicas == 1 and not slow else "graph"
    return ExecutionPlan(compile_, parts, config.training.epochs)


def recorded(folder: RunFolder, config: Config) -> ExecutionPlan:
    """The choices that a run began with.

    Raises:
        RunError: if the run does not say, or says what none was ever made with.
    """
    plan = folder.read_execution(ExecutionPlan)
    if plan.parts > config.data.batch_size:
        told = f"{folder.environment} says that a batch of {config.data.batch_size} was cut into {plan.parts:,} parts"
        raise RunError(Problem("damaged-run", told, help="start the run again: it cannot be resumed to the same bits"))
    return plan


def _normalised(model: Model) -> bool:
    """Whether a configured model has batch normalisation."""
    blocks: Sequence[Any] = model.blocks if isinstance(model, Cnn) else [model]
    return any(getattr(block, "batch_normalization", False) for block in blocks)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _layer_kinds(built: BuiltModel) -> set[str]:
    """Class names of all layers that run inside the compiled step."""
    preprocessing = built.preprocessing
    stage = [*preprocessing.device.values(), *preprocessing.augment.values()]
    layers = [built.network, *(layer for group in stage for layer in group)]
    return {type(part).__name__ for layer in layers for part in layer._flatten_layers()}
