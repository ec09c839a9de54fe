"""Runs the batch that made a loss or weight no finite number once more, with TensorFlow's checks of every operation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.config.causes import first_line
from dlkit.config.problems import Problem, RunError
from dlkit.runs import RunFolder
from dlkit.schema.loader import Loaded
from dlkit.training import fitted
from dlkit.training.checkpoints.files import Progress
from dlkit.training.engine import Engine
from dlkit.training.failures import refused_as_run_error
from dlkit.training.nonfinite.incident import Incident, load
from dlkit.training.nonfinite.trace import walk
from dlkit.training.prepare import prepare
from dlkit.training.program.execution import recorded
from dlkit.training.program.strategy import session
from dlkit.training.program.train import TrainProgram


@dataclass(frozen=True)
class Row:
    """One tensor of the batch's way.

    Attributes:
        tensor: its name, as in `outputs of layer dense_1`.
        shape: its axes.
        smallest: of its finite values; None where there are none.
        largest: of its finite values.
        bad: how many values are not finite.
    """

    tensor: str
    shape: tuple[int, ...]
    smallest: float | None
    largest: float | None
    bad: int


@dataclass(frozen=True)
class Replay:
    """What a batch does to the network it met.

    Attributes:
        incident: what the run found.
        rows: its tensors, in order.
        operation: the first operation of TensorFlow's that gave a value that is not finite; empty if none did.
    """

    incident: Incident
    rows: list[Row]
    operation: str


def replay(loaded: Loaded, folder: RunFolder, data: Any = None) -> Replay:
    """Run the batch that a run has kept once more. Nothing is written.

    Args:
        loaded: the run's own configuration.
        folder: the run.
        data: as for `run.start`, where the data were given in Python.

    Raises:
        RunError: if the run has kept none.
    """
    incident = load(folder.nonfinite)
    if incident is None:
        message = f"the run {folder.path} has kept no batch: none of its losses or weights was found not to be finite"
        raise RunError(Problem("nothing-to-replay", message, help="dlkit train --resume goes on with a run"))
    with loaded.locating(), refused_as_run_error(), session(loaded.config):
        prepared = prepare(loaded, data, fitted=fitted.read(folder, loaded))
        # With the run's schedule, since an optimizer without one has another variable.
        plan = recorded(folder, prepared.config)
        pieces = Engine(prepared, plan, prepared.training_feeder(), Progress(epoch=incident.epoch)).pieces()
        pieces.state.restore(incident.arrays, keep_rate=False)
        batch = tf.nest.map_structure(tf.constant, incident.batch)
        rows = [_row(name, tensor) for name, _, _, tensor in walk(pieces, batch)]
        return Replay(incident, rows, _first_bad_operation(pieces.program, batch))


def _row(name: str, tensor: np.ndarray) -> Row:
    finite = tensor[np.isfinite(tensor)]
    smallest, largest = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return Row(name, tensor.shape, smallest, largest, int(tensor.size - finite.size))


def _first_bad_operation(program: TrainProgram, batch: Any) -> str:
    """The operation that TensorFlow's numerics checks stop at in one update, every operation run by itself."""
    tf.config.run_functions_eagerly(True)
    tf.debugging.enable_check_numerics()
    try:
        program.update(batch)
    except tf.errors.InvalidArgumentError as error:
        named = re.search(r'op "(\w+)"', error.message)
        return named[1] if named else first_line(error)
    finally:
        tf.debugging.disable_check_numerics()
        tf.config.run_functions_eagerly(False)
    return ""
