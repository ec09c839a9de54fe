"""Where the first number came from that is not finite: in words, and as files that can be replayed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlkit.config.problems import Problem
from dlkit.files import disk_errors, written_aside

if TYPE_CHECKING:
    from dlkit.training.nonfinite.trace import NotFinite

# The largest number that float16 holds.
FLOAT16_MAX = 65504.0


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
        in_data: whether it came with the data.
        inputs: of the batch, as the host stage leaves them.
        targets: of the batch.
        arrays: state of the run before the batch.
        too_large: the input whose values float16 cannot hold, where that is what the network computes in; else empty.
    """

    epoch: int
    step: int
    tensor: str
    layer: str
    bad: int
    values: int
    examples: list[int]
    in_data: bool
    inputs: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]
    too_large: str = ""


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
    examples = f", of examples {', '.join(map(str, incident.examples))} of the batch" if incident.examples else ""
    message = f"{where}: the first tensor that is not finite is `{incident.tensor}` ({share}{examples})"
    replay = f"the batch is kept; look at it with: dlkit train --replay {folder.parent}"
    if incident.in_data:
        return Problem("loss-not-finite", message, key=("data",), help=f"mend the data; {replay}")
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
    batch = {f"input/{n}": x for n, x in incident.inputs.items()} | {
        f"target/{n}": x for n, x in incident.targets.items()
    }
    size = sum(a.nbytes for a in [*batch.values(), *incident.arrays.values()])
    about = {k: v for k, v in vars(incident).items() if k not in ("inputs", "targets", "arrays")}
    with disk_errors(folder, size), written_aside(folder) as aside:
        aside.mkdir()
        np.savez(aside / "batch.npz", **batch)  # type: ignore[arg-type]
        np.savez(aside / "state.npz", **incident.arrays)  # type: ignore[arg-type]
        (aside / "incident.json").write_text(json.dumps(about, indent=2), encoding="utf-8")


def load(folder: Path) -> Incident | None:
    """The incident that a run kept, or None."""
    if not (folder / "incident.json").exists():
        return None
    about = json.loads((folder / "incident.json").read_text(encoding="utf-8"))
    with np.load(folder / "batch.npz") as batch, np.load(folder / "state.npz") as state:
        inputs, targets = (
            {n.removeprefix(part): batch[n] for n in batch.files if n.startswith(part)}
            for part in ("input/", "target/")
        )
        return Incident(**about, inputs=inputs, targets=targets, arrays=dict(state))
