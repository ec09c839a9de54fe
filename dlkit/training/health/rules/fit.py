"""Fits that are too close to the training examples, not close enough, or no longer move."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.training.best import chosen_monitor
from dlkit.training.health.rules import remedies
from dlkit.training.health.rules.context import (
    SOUND,
    STILL,
    UNLEARNT,
    HealthContext,
    changes,
    figure,
    share_of_constant,
)

# val_loss above its best, in each of this many validated epochs, while the loss in training falls by a tenth and more.
# Three epochs may also be a swing of plain gradient descent at a high rate.
RISEN, RISEN_EPOCHS, STILL_FALLS = 1.1, 4, 0.9
# Epochs and updates after which a run should have learned something, and the epochs over which it stands still.
UNDER_EPOCHS, UNDER_UPDATES, STANDS = 5, 200, 3
# A loss this many times that of a constant answer is that of a network whose answers are still near 0.
UNSCALED = 2.0
# Validated epochs without a better figure.
PLATEAU_EPOCHS = 10
# Below a tenth of its highest rate a run is at the end of its schedule, where little can be expected.
DECAYED = 0.1


def over_fitting(case: HealthContext) -> Iterator[Problem]:
    """A val_loss that rises well above its best while the loss in training goes on falling."""
    rows = _validated(case)
    best = min(rows, key=lambda row: row["val_loss"], default=None)
    after = [row for row in rows if best and row["epoch"] > best["epoch"]][-RISEN_EPOCHS:]
    if best is None or len(after) < RISEN_EPOCHS or _since_best(case) < RISEN_EPOCHS:
        return
    risen = min(row["val_loss"] for row in after) - best["val_loss"]
    if risen <= (RISEN - 1) * abs(best["val_loss"]) or after[-1]["loss"] > STILL_FALLS * best["loss"]:
        return
    now = after[-1]
    yield Problem(
        "over-fitting",
        f"the model over-fits: val_loss was best in epoch {best['epoch']} ({best['val_loss']:.3g}) and is "
        f"{now['val_loss']:.3g} in epoch {now['epoch']}, while the training loss fell from {best['loss']:.3g} to "
        f"{now['loss']:.3g}",
        key=("training", "early_stopping"),
        help="set "
        + remedies.either(
            remedies.early_stopping(case.config),
            remedies.dropout(case),
            remedies.augmentation(case.config),
            remedies.weight_decay(case.config),
            remedies.smaller_model(case.config),
        )
        + ", or use more training data",
        severity="warning",
    )


def under_fitting(case: HealthContext) -> Iterator[Problem]:
    """A training loss that stays near what one answer to every example gives."""
    rows = case.history[-STANDS:]
    if not rows or rows[-1]["epoch"] < UNDER_EPOCHS or rows[-1]["epoch"] * case.steps < UNDER_UPDATES:
        return
    looks = [look for look in case.looks[-100:] if look.epoch > rows[-1]["epoch"] - STANDS]
    if not looks or rows[-1]["loss"] < STILL * rows[0]["loss"]:
        return
    constant = case.constant
    if share_of_constant(case, looks) < UNLEARNT or rows[-1]["loss"] < UNLEARNT * constant:
        return
    usual = statistics.median(change for look in looks for change in changes(look) or [SOUND])
    yield Problem(
        "under-fitting",
        f"the model learns next to nothing: after {count(rows[-1]['epoch'], 'epoch')} the training loss is "
        f"{rows[-1]['loss']:.3g} and stands still, and the same answer to every example would give {figure(constant)}",
        key=("model",),
        help=_unscaled(case, rows[-1]["loss"] / constant)
        or "see whether inputs and labels belong together; set "
        + remedies.either(
            remedies.less_dropout(case.config),
            remedies.less_decay(case.config),
            remedies.scaling(case.config),
            remedies.larger_model(case.config),
            remedies.rate(case.config, 3 if usual < 3 * SOUND else 0.1),
        ),
        severity="warning",
    )


def plateau(case: HealthContext) -> Iterator[Problem]:
    """A monitored figure that has not improved for many validated epochs."""
    since = _since_best(case)
    highest = max((row["learning_rate"] for row in case.history), default=0.0)
    if since < PLATEAU_EPOCHS or case.config.training.early_stopping is not None:
        return
    if case.history[-1]["learning_rate"] < DECAYED * highest:
        return
    monitor, best = _monitored(case)
    yield Problem(
        "plateau",
        f"{monitor} has not improved since epoch {best['epoch']} ({best[monitor]:.4g}): {since} validated epochs",
        key=("training", "early_stopping"),
        help="set "
        + remedies.either(
            remedies.early_stopping(case.config), remedies.decay(case.config), remedies.rate(case.config, 0.3)
        ),
        severity="warning",
    )


def _unscaled(case: HealthContext, share: float) -> str:
    """What to do about numbers that lie so far from 0 that a network takes long to get there; empty for others."""
    targets = case.config.data.targets.items()
    settings = [setting for name, target in targets if (setting := target.scaling(name))]
    if share < UNSCALED or not settings:
        return ""
    return f"set {remedies.either(*settings, remedies.rate(case.config, 10))}"


def _validated(case: HealthContext) -> list[Mapping[str, Any]]:
    """The rows of epochs that were validated."""
    return [row for row in case.history if row.get("val_loss") is not None]


def _monitored(case: HealthContext) -> tuple[str, Mapping[str, Any]]:
    """What decides which epoch is best, and the row of the best one."""
    rows = _judged(case)
    monitor, mode = chosen_monitor(case.config.training, validation=bool(_validated(case)))
    assert monitor is not None
    return monitor, (min if mode == "min" else max)(rows, key=lambda row: row[monitor])


def _judged(case: HealthContext) -> Sequence[Mapping[str, Any]]:
    """The rows that have the monitored figure."""
    monitor, _ = chosen_monitor(case.config.training, validation=bool(_validated(case)))
    return [row for row in case.history if monitor and row.get(monitor) is not None and math.isfinite(row[monitor])]


def _since_best(case: HealthContext) -> int:
    """Judged epochs since the best one."""
    rows = _judged(case)
    return len([row for row in rows if row["epoch"] > _monitored(case)[1]["epoch"]]) if rows else 0
