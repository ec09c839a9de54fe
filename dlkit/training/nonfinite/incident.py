"""Where the first number came from that is not finite: in words, and as files that can be replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from dlkit.config.problems import Problem, RunError
from dlkit.data.contract import Batch
from dlkit.files import check_npz, disk_errors, written_aside
from dlkit.runs.records import read

if TYPE_CHECKING:
    from dlkit.training.nonfinite.trace import NotFinite

# The parts of a batch that are kept by name.
PARTS = ("inputs", "targets", "weights")
# The largest number that float16 holds.
FLOAT16_MAX = 65504.0


class IncidentRecord(BaseModel):
    """`incident.json`: where the first number came from that is not finite.

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
        too_large: the input whose values float16 cannot hold, where that is what the network computes in; else empty.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)

    epoch: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=0)]
    tensor: str
    layer: str
    bad: int
    values: int
    examples: list[int]
    rows: list[int]
    in_data: bool
    too_large: str = ""


class Incident(IncidentRecord):
    """The record with what it takes to look at it again.

    Attributes:
        batch: NumPy arrays, inputs as the host stage leaves them.
        arrays: state of the run before the batch.
    """

    batch: SkipValidation[Batch]
    arrays: SkipValidation[dict[str, np.ndarray]]


def to_problem(incident: Incident | None, found: NotFinite, steps: int, folder: Path) -> Problem:
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
        return Problem("loss-not-finite", message, key=("data",), help=f"correct the data; {replay}")
    if incident.too_large:
        message += f"; `{incident.too_large}` holds values beyond {FLOAT16_MAX:,.0f}, the largest that float16 has"
        help = "add `normalize` to its `preprocess`, or set `runtime.precision: mixed_bfloat16`"
        return Problem("loss-not-finite", message, ("data", "inputs", incident.too_large), help=f"{help}; {replay}")
    help = "lower the learning rate, or set `training.optimizer.global_clipnorm: 1.0`"
    return Problem("loss-not-finite", message, key=key, help=f"{help}; {replay}")


def keep(folder: Path, incident: Incident) -> None:
    """Write the batch, the state before it, and what was found, whole or not at all.

    Raises:
        RunError: if the disk refuses it.
    """
    batch = {f"{part}/{n}": x for part in PARTS for n, x in getattr(incident.batch, part).items()}
    batch["rows"] = incident.batch.rows
    size = sum(a.nbytes for a in [*batch.values(), *incident.arrays.values()])
    about = incident.model_dump(include=set(IncidentRecord.model_fields))
    with disk_errors(folder, size), written_aside(folder) as aside:
        aside.mkdir()
        np.savez(aside / "batch.npz", **batch)
        np.savez(aside / "state.npz", **incident.arrays)  # type: ignore[arg-type]
        (aside / "incident.json").write_text(json.dumps(about, indent=2), encoding="utf-8")


def load(folder: Path) -> Incident | None:
    """The incident that a run kept, or None.

    Raises:
        RunError: if its files are damaged.
    """
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
