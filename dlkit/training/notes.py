"""What is worth a line when a run begins or goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tensorflow as tf

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.runs import RunFolder
from dlkit.schema import Config
from dlkit.training.program.execution import ExecutionPlan
from dlkit.training.program.schedules import make_schedule
from dlkit.training.program.strategy import devices, replicas

# Its kind, and what is said.
Note = tuple[str, str]

SCHEDULE_KEPT = (
    "the learning rate keeps the schedule of {} that the run began with, and stays at {:g} after them; "
    "to spread it over more, start a new run"
)
OUTSIDE = (
    "what the callback `{}` remembers is in no checkpoint: a run that is interrupted and resumed may end with another "
    "result (a callback with `get_state` and `set_state` is kept)"
)
NO_VALIDATION = (
    "there is no validation split: nothing shows when the model begins to over-fit, no epoch can be chosen "
    "as the best, and the last weights are kept"
)
ON_A_CPU = (
    "this CPU has no fast arithmetic in half precision: `{}` trains, and more slowly than float32; it is meant for "
    "accelerators"
)
OTHER_DEVICES = (
    "the run began on {}, and goes on on {}: what follows agrees with the rest of it to rounding, not to the bit"
)


def of_start(config: Config, outside: Sequence[str], *, validation: bool) -> list[Note]:
    """What a run says of its settings.

    Args:
        config: of the run.
        outside: callbacks whose state no checkpoint keeps.
        validation: whether there is a validation split.
    """
    notes = [("callbacks", OUTSIDE.format(name)) for name in outside]
    if config.runtime.precision != "float32" and not tf.config.list_physical_devices("GPU"):
        notes.append(("precision", ON_A_CPU.format(config.runtime.precision)))
    if not validation and not config.data.is_off("validation"):
        notes.append(("no-validation", NO_VALIDATION))
    return notes


def of_resume(config: Config, folder: RunFolder) -> list[Note]:
    """What a run that goes on says of what has changed since it began.

    Raises:
        ConfigError: if its schedule has ended at a rate of nothing, so that nothing would be learned in more epochs.
    """
    return [*_schedule_kept(config, folder), *_other_devices(config, folder)]


def _other_devices(config: Config, folder: RunFolder) -> list[Note]:
    before = folder.read_environment()
    then, now = _named(before.get("devices"), before.get("replicas", 1)), _named(devices(), replicas(config))
    return [("other-devices", OTHER_DEVICES.format(then, now))] if before and then != now else []


def _named(found: Sequence[str] | None, number: int) -> str:
    """Devices in words: `CPU:0`, `GPU:0, GPU:1 (2 replicas)`."""
    names = ", ".join(found or ["unknown devices"])
    return f"{names} ({number} replicas)" if number > 1 else names


def _schedule_kept(config: Config, folder: RunFolder) -> list[Note]:
    """A note that more epochs do not stretch a run's schedule, where more are asked for.

    Raises:
        ConfigError: if the schedule has ended at a rate of nothing, so that nothing would be learned in them.
    """
    settings = config.training
    epochs, steps = settings.epochs, None
    if folder.has_begun():
        plan = folder.read_execution(ExecutionPlan)
        epochs, steps = plan.schedule_epochs, plan.schedule_steps
    longer = settings.epochs > epochs if steps is None else (settings.max_steps or sys.maxsize) > steps
    if not longer or settings.schedule.name == "constant":
        return []
    length = count(epochs, "epoch") if steps is None else count(steps, "update")
    rate = settings.optimizer.learning_rate
    schedule = make_schedule(settings.schedule, rate, 1000, epochs)
    last = float(schedule(1000 * epochs)) if callable(schedule) else rate
    if last <= 1e-6 * rate:
        raise ConfigError(
            Problem(
                "schedule-is-over",
                f"the {settings.schedule.name} schedule ended after {length} at a learning rate of "
                f"{last:g}: nothing would be learned in more",
                key=("training", "schedule"),
                help="start a new run from these weights, with `training.init_from` set to this run",
            )
        )
    return [("schedule-kept", SCHEDULE_KEPT.format(length, last))]
