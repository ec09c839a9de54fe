"""A loss or weight that is no finite number any more: where it came from.

A run is a function of its configuration and data. So the updates since the newest checkpoint are made once more, to the
same bits, up to the batch before which all was well; that batch is then looked at tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.data.contract import Batch
from dlkit.data.feeding import Block, Feeder
from dlkit.training.checkpoints.files import Checkpoint
from dlkit.training.health.probe import HealthProbe
from dlkit.training.nonfinite.incident import FLOAT16_MAX, Incident
from dlkit.training.program.state import State
from dlkit.training.program.train import TrainProgram


class NotFinite(Exception):
    """A chunk ended with a loss or a weight that is no finite number.

    Attributes:
        epoch: from 0.
        begin: updates made in the epoch before the chunk; all was well then.
        end: updates made in the epoch after it.
        loss: mean loss of the epoch so far.
    """

    def __init__(self, epoch: int, begin: int, end: int, loss: float) -> None:
        super().__init__(f"not finite in epoch {epoch + 1}, steps {begin + 1} to {end}")
        self.epoch, self.begin, self.end, self.loss = epoch, begin, end, loss


@dataclass(frozen=True)
class Pieces:
    """What it takes to make updates once more."""

    program: TrainProgram
    probe: HealthProbe
    state: State
    feeder: Feeder
    seed: int


def trace(pieces: Pieces, checkpoint: Checkpoint, found: NotFinite) -> Incident | None:
    """Find the batch and the tensor; None if the updates, made once more, stay finite.

    The program is left in the state before the batch.

    Args:
        pieces: of the run.
        checkpoint: the newest one.
        found: the chunk.
    """
    _back_to(pieces, checkpoint, found, found.begin)
    for step, (block, i) in zip(range(found.begin, found.end), _batches(pieces, found, found.begin), strict=False):
        pieces.program.run(block, i, i + 1)
        if not np.isfinite(float(pieces.program.metrics.loss.result())) or not pieces.state.finite():
            _back_to(pieces, checkpoint, found, step)
            return _examine(pieces, found.epoch, step, *next(_batches(pieces, found, step)))
    return None


def _back_to(pieces: Pieces, checkpoint: Checkpoint, found: NotFinite, step: int) -> None:
    """The state of the run after a number of updates of the epoch."""
    pieces.state.restore(checkpoint.arrays, keep_rate=False)
    same_epoch = checkpoint.progress.epoch == found.epoch
    position = checkpoint.progress.step_in_epoch if same_epoch else 0
    if position == 0:
        pieces.program.metrics.reset()
    for block in pieces.feeder.blocks(pieces.seed, found.epoch, position):
        if position >= step:
            return
        end = min(block.steps, step - block.first)
        pieces.program.run(block, position - block.first, end)
        position = block.first + end


def _batches(pieces: Pieces, found: NotFinite, step: int) -> Iterator[tuple[Block, int]]:
    for block in pieces.feeder.blocks(pieces.seed, found.epoch, step):
        yield from ((block, i) for i in range(max(0, step - block.first), block.steps))


def _examine(pieces: Pieces, epoch: int, step: int, block: Block, i: int) -> Incident:
    batch = pieces.feeder.pick(block.tensors, tf.constant(i))
    arrays = pieces.state.arrays()
    first = first_bad(pieces, batch)
    if first is None:
        pieces.program.run(block, i, i + 1)
        first = _bad_weights(pieces)
        pieces.state.restore(arrays, keep_rate=False)
    name, layer, in_data, tensor = first
    finite = np.isfinite(tensor)
    by_example = not name.startswith(("gradient", "weights", "mean"))
    concerned = np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1)) if by_example else np.zeros(0, int)
    # Where all of them are concerned, none is to blame.
    examples = concerned[:10].tolist() if len(concerned) < len(finite) else []
    kept = tf.nest.map_structure(lambda x: x.numpy(), batch)
    return Incident(
        epoch=epoch,
        step=step,
        tensor=name,
        layer=layer,
        bad=int((~finite).sum()),
        values=finite.size,
        examples=examples,
        rows=kept.rows[examples].tolist(),
        in_data=in_data,
        batch=kept,
        arrays=arrays,
        too_large=_too_large(pieces, batch),
    )


def _too_large(pieces: Pieces, batch: Batch) -> str:
    """The input whose prepared values a network that computes in float16 cannot hold; empty for none."""
    if not any(layer.compute_dtype == "float16" for layer in pieces.program.twin.layers):
        return ""
    prepared = pieces.probe.tensors(batch).prepared
    return next((name for name, x in prepared.items() if np.abs(_floats(x)).max(initial=0) > FLOAT16_MAX), "")


Named = tuple[str, str, bool, np.ndarray]


def first_bad(pieces: Pieces, batch: Batch) -> Named | None:
    """The first tensor with a value that is not finite on a batch's way through the network and back.

    Returns:
        Its name, its layer's or an empty one, whether it is of the data, and its values; or None.
    """
    for named in walk(pieces, batch):
        if not np.isfinite(named[3]).all():
            return named
    return None


def walk(pieces: Pieces, batch: Batch) -> Iterator[Named]:
    """Every tensor of a batch's way, in order: data, prepared inputs, layers, losses, gradients from the last layer."""
    inputs = pieces.program.built.spec.inputs
    padded = {name for name, bound in inputs.items() if bound.settings.nan_allowed(bound.feature)}
    for name, x in batch.inputs.items():
        yield f"input {name}", "", True, _floats(x, nan_allowed=name in padded)
    for name, x in batch.targets.items():
        yield f"target {name}", "", True, _floats(x)
    found = pieces.probe.tensors(batch)
    for name, x in found.prepared.items():
        yield f"input {name} after preprocessing", "", False, _floats(x, nan_allowed=inputs[name].feature.ragged)
    for name, x in found.outputs.items():
        yield f"outputs of layer {name}", name, False, _floats(x)
    for name, x in found.losses.items():
        yield f"loss of {name}", "", False, _floats(x)
    for layer, numbers in reversed(pieces.probe.variables_of_layers.items()):
        for n in numbers:
            yield f"gradient of layer {layer}", layer, False, _floats(found.gradients[n])


def _bad_weights(pieces: Pieces) -> Named:
    """The first layer whose weights an update has made not finite; else the mean loss."""
    for layer, weights in pieces.probe.weights_of_layers():
        for value in weights:
            if not np.isfinite(value).all():
                return f"weights of layer {layer} after the update", layer, False, value
    # Every loss is a finite number, and their sum is beyond what float32 holds.
    return "mean loss of the epoch", "", False, np.array([np.inf], np.float32)


def _floats(x: Any, *, nan_allowed: bool = False) -> np.ndarray:
    """Values as an array of numbers; of text, which is always finite, none. NaN that stands for padding becomes 0."""
    array = np.asarray(tf.convert_to_tensor(x).numpy())
    if nan_allowed and array.dtype.kind == "f":
        array = np.where(np.isnan(array), 0, array)
    return array.astype(np.float32) if array.dtype.kind in "fiub" else np.zeros((0,), np.float32)
