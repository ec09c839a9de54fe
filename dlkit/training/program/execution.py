"""What is chosen when a run begins and stays with it: by fixed rules on network, batch and machine, never a stopwatch.

XLA and micro-batches change the last bits of a result, and the epochs over which a schedule is spread its course. All
of it is kept in the run, and a run is resumed with the plan it began with, on whatever machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Literal

import keras
import tensorflow as tf
from pydantic import Field

from dlkit.config.problems import Problem, RunError
from dlkit.keras_internals import flattened
from dlkit.models.build import BuiltModel
from dlkit.runs import RunFolder
from dlkit.schema import Config

# XLA compiles these badly for a CPU: convolutions and their pooling run in naive kernels; images are resampled, and
# shares of a mixture drawn, by operations it does not have.
NOT_FOR_XLA_ON_CPU = ("Conv", "Pooling", "Random", "RandAugment", "Resizing", "MixUp", "CutMix")
# Smaller micro-batches than these are not worth running side by side (docs/benchmarks.md), by what a builder says that
# it costs. A network of dense layers without dropout is faster as one XLA program; with it XLA spends much of its
# time, and on one core, on drawing.
SMALLEST_MICRO_BATCH = {"convolution": 16, "recurrent": 64, "dense": 128}


@dataclass(frozen=True)
class ExecutionPlan:
    """How a training step is compiled, and how far its schedule reaches.

    Attributes:
        compile: `xla` or `graph`.
        micro_batches: equal parts of a batch that are computed side by side in one graph, their gradients added.
        schedule_epochs: epochs over which the learning-rate schedule is spread; more epochs do not stretch it.
        schedule_steps: updates over which it is spread where `training.max_steps` ends before; None where it does not.
    """

    compile: Literal["xla", "graph"]
    micro_batches: Annotated[int, Field(ge=1)]
    schedule_epochs: Annotated[int, Field(ge=1, lt=2**31)]
    schedule_steps: Annotated[int, Field(ge=1)] | None = None


def choose_micro_batches(config: Config) -> int:
    """The number of micro-batches for a configuration on this machine; known before TensorFlow starts.

    On a CPU, convolutions, and recurrent layers and dropout with large batches, leave cores idle: they run in a
    micro-batch for each core. Batch normalisation would see the statistics of each, and neither replicas nor a GPU
    leave cores idle: there it is one. It is one, too, for a builder that does not say what it costs.
    """
    model, batch_size, wanted = config.model, config.data.batch_size, config.runtime.micro_batches
    if wanted != "auto":
        return min(wanted, batch_size)
    if config.runtime.devices not in (None, "cpu", "cpu:1"):
        return 1  # the replicas fill the cores
    if config.runtime.compile == "xla" or model.uses("batch_normalization"):
        return 1
    if tf.config.list_physical_devices("GPU") or (model.cost == "dense" and not model.uses("dropout")):
        return 1
    smallest = SMALLEST_MICRO_BATCH.get(model.cost or "")
    return max(1, min(cores(), batch_size // smallest)) if smallest else 1


def choose(config: Config, built: BuiltModel, replicas: int) -> ExecutionPlan:
    """The plan for a model on the replicas of this machine, as far as `runtime` leaves it open.

    On one CPU, XLA compiles networks in one micro-batch that have no convolutions, pooling or random image layers. The
    rest is a graph; so are replicas, each of which starts a compiled program more slowly than the few operations of a
    graph.
    """
    number, compile_ = choose_micro_batches(config), config.runtime.compile
    if compile_ == "auto":
        on_cpu = not tf.config.list_physical_devices("GPU")
        slow = any(word in kind for kind in _layer_kinds(built) for word in NOT_FOR_XLA_ON_CPU)
        compile_ = "xla" if on_cpu and number == replicas == 1 and not slow else "graph"
    return ExecutionPlan(compile_, number, config.training.epochs, config.training.max_steps)


def recorded(folder: RunFolder, config: Config) -> ExecutionPlan:
    """The plan that a run began with.

    Raises:
        RunError: if the run does not say, or says what none was ever made with.
    """
    plan = folder.read_execution(ExecutionPlan)
    if plan.micro_batches > config.data.batch_size:
        size, parts = config.data.batch_size, plan.micro_batches
        message = f"{folder.environment} says that a batch of {size} was cut into {parts:,} micro-batches"
        help = "start the run again: it cannot be resumed to the same bits"
        raise RunError(Problem("damaged-run", message, help=help))
    return plan


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _layer_kinds(built: BuiltModel) -> set[str]:
    """Class names of all layers that run inside the compiled step."""
    preprocessing = built.preprocessing
    stage = [*preprocessing.device.values(), *preprocessing.augment.values()]
    layers = [built.network, *(layer for group in stage for layer in group if isinstance(layer, keras.Layer))]
    return {type(part).__name__ for layer in layers for part in flattened(layer)}
