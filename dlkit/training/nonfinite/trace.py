"""A loss or weight that is no finite number any more: where it came from, and how to go on in spite of it.

A run is a function of its configuration and data. So the updates since the newest checkpoint are made once more, to the
same bits, up to the batch before which all was well; that batch is then looked at tensor by tensor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
from pydantic import BaseModel, ConfigDict, Field

from dlkit.config.problems import Problem, RunError
from dlkit.config.schema import Config
from dlkit.data.contract import Batch
from dlkit.data.feeding import Block, Feeder
from dlkit.files import check_npz, disk_errors, written_aside
from dlkit.runs.records import read
from dlkit.training.checkpoints.files import Checkpoint, Progress
from dlkit.training.health.probe import HealthProbe
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


@dataclass(frozen=True)
class Incident:
    """Where the first number came from that is not finite.

    Attributes:
        epoch: from 0.
        step: number of the batch in its epoch, from 0.
        tensor: the first tensor that holds one, as in `outputs of layer dense_1`.
        layer: the layer, or empty where it is none's.
        bad: how many of its values are not finite.
        values: how many it has.
        examples: positions in the batch of the examples concerned, at most ten; empty where it is not by example.
        rows: numbers of the same examples in the training split.
        in_data: whether it came with the data.
        batch: NumPy arrays, inputs as the host stage leaves them.
        arrays: state of the run before the batch.
    """

    epoch: int
    step: int
    tensor: str
    layer: str
    bad: int
    values: int
    examples: list[int]
    rows: list[int]
    in_data: bool
    batch: Batch
    arrays: dict[str, np.ndarray]


class IncidentRecord(BaseModel):
    """`incident.json`: an `Incident` without its arrays."""

    model_config = ConfigDict(strict=True, extra="forbid")

    epoch: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=0)]
    tensor: str
    layer: str
    bad: int
    values: int
    examples: list[int]
    rows: list[int]
    in_data: bool


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
    """The state of the run after so many updates of the epoch."""
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
    by_example = not name.startswith(("gradient", "weights"))
    concerned = np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1)) if by_example else np.zeros(0, int)
    # Where all of them are concerned, none is to blame.
    examples = concerned[:10].tolist() if len(concerned) < len(finite) else []
    kept = tf.nest.map_structure(lambda x: x.numpy(), batch)
    bad, rows = int((~finite).sum()), kept.rows[examples].tolist()
    return Incident(epoch, step, name, layer, bad, finite.size, examples, rows, in_data, kept, arrays)


# The parts of a batch that are kept by name.
PARTS = ("inputs", "targets", "weights")

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
    for name, x in batch.inputs.items():
        yield f"input {name}", "", True, _floats(x)
    for name, x in batch.targets.items():
        yield f"target {name}", "", True, _floats(x)
    found = pieces.probe.tensors(batch)
    for name, x in found.prepared.items():
        yield f"input {name} after preprocessing", "", False, _floats(x)
    for name, x in found.outputs.items():
        yield f"outputs of layer {name}", name, False, _floats(x)
    for name, x in found.losses.items():
        yield f"loss of {name}", "", False, _floats(x)
    for layer, numbers in reversed(pieces.probe.variables_of_layers.items()):
        for n in numbers:
            yield f"gradient of layer {layer}", layer, False, _floats(found.gradients[n])


def _bad_weights(pieces: Pieces) -> Named:
    """The first layer whose weights an update has made not finite."""
    for layer, weights in pieces.probe.weights_of_layers():
        for value in weights:
            if not np.isfinite(value).all():
                return f"weights of layer {layer} after the update", layer, False, value
    raise AssertionError("an update that was made once more stays finite")


def _floats(x: Any) -> np.ndarray:
    """Values as an array of numbers; of text, which is always finite, none."""
    array = np.asarray(tf.convert_to_tensor(x).numpy())
    return array.astype(np.float32) if array.dtype.kind in "fiub" else np.zeros((0,), np.float32)


# What is said and kept of it.


def told(incident: Incident | None, found: NotFinite, steps: int, folder: Path) -> Problem:
    """The problem in words.

    Args:
        incident: what was found, None if nothing was.
        found: the chunk.
        steps: updates in an epoch.
        folder: where the incident is kept.
    """
    key = ("training", "optimizer", "learning_rate")
    if incident is None:
        what = f"the loss became {found.loss}" if not np.isfinite(found.loss) else "a weight is no finite number"
        where = f"in epoch {found.epoch + 1}, steps {found.begin + 1:,} to {found.end:,} of {steps:,}"
        again = "the same updates, made once more, stayed finite: set `runtime.deterministic: true` to have it traced"
        return Problem("loss-not-finite", f"{what} {where}", key=key, help=again)
    where = f"in epoch {incident.epoch + 1}, batch {incident.step + 1:,} of {steps:,}"
    share = f"{incident.bad:,} of {incident.values:,} values"
    examples = ""
    if incident.examples:
        positions, rows = (", ".join(map(str, numbers)) for numbers in (incident.examples, incident.rows))
        examples = f", of examples {positions} of the batch: rows {rows} of train"
    message = f"{where}: the first tensor that is not finite is `{incident.tensor}` ({share}{examples})"
    replay = f"the batch is kept; look at it with: dlkit train --replay {folder.parent}"
    if incident.in_data:
        return Problem("loss-not-finite", message, key=("data",), help=f"mend the data; {replay}")
    return Problem(
        "loss-not-finite",
        message,
        key=key,
        help=f"lower the learning rate, or set `training.optimizer.global_clipnorm: 1.0`; {replay}",
    )


def keep(folder: Path, incident: Incident) -> None:
    """Write the batch, the state before it, and what was found, whole or not at all.

    Raises:
        RunError: if the disk refuses it.
    """
    batch = {f"{part}/{n}": x for part in PARTS for n, x in getattr(incident.batch, part).items()}
    batch["rows"] = incident.batch.rows
    size = sum(a.nbytes for a in [*batch.values(), *incident.arrays.values()])
    about = {k: v for k, v in vars(incident).items() if k not in ("batch", "arrays")}
    with disk_errors(folder, size), written_aside(folder) as aside:
        aside.mkdir()
        np.savez(aside / "batch.npz", **batch)
        np.savez(aside / "state.npz", **incident.arrays)  # type: ignore[arg-type]
        (aside / "incident.json").write_text(json.dumps(about, indent=2), encoding="utf-8")


def load(folder: Path) -> Incident | None:
    """The incident that a run kept, or None."""
    if not (folder / "incident.json").exists():
        return None
    about = read(folder / "incident.json", IncidentRecord).model_dump()
    try:
        for name in ("batch.npz", "state.npz"):
            check_npz(folder / name)
        with np.load(folder / "batch.npz") as batch, np.load(folder / "state.npz") as state:
            inputs, targets, weights = (
                {n.removeprefix(f"{part}/"): batch[n] for n in batch.files if n.startswith(f"{part}/")}
                for part in PARTS
            )
            return Incident(**about, batch=Batch(inputs, targets, weights, batch["rows"]), arrays=dict(state))
    except (OSError, ValueError, KeyError, EOFError) as error:
        help = "go on with the run; it keeps the next such batch"
        raise RunError(Problem("damaged-run", f"{folder} cannot be used: {error}", help=help)) from error


# Going on.


def remedied(config: Config, progress: Progress) -> Config:
    """The configuration with the remedies of the rollbacks so far: a lower rate, and a clip where one is asked for."""
    if not progress.rollbacks:
        return config
    settings, optimizer = config.training.on_nonfinite, config.training.optimizer
    change: dict[str, Any] = {"learning_rate": lowered_rate(config, progress)}
    if settings.global_clipnorm is not None:
        change |= {"clipnorm": None, "clipvalue": None, "global_clipnorm": settings.global_clipnorm}
    training = config.training.model_copy(update={"optimizer": optimizer.model_copy(update=change)})
    return config.model_copy(update={"training": training})


def lowered_rate(config: Config, progress: Progress) -> float:
    """The full learning rate after the rollbacks so far."""
    factor = config.training.on_nonfinite.learning_rate_factor
    return float(config.training.optimizer.learning_rate * factor**progress.rollbacks)


def rollback_message(config: Config, progress: Progress) -> str:
    """What a rollback does, in a sentence."""
    settings = config.training.on_nonfinite
    clip = f" and gradients no longer than {settings.global_clipnorm:g}" if settings.global_clipnorm else ""
    where = f"epoch {progress.epoch + 1}, step {progress.step_in_epoch:,}"
    rate = lowered_rate(config, progress)
    return (
        f"back to the checkpoint of {where}, with a learning rate of {rate:g}{clip} "
        f"(rollback {progress.rollbacks} of {settings.attempts})"
    )
