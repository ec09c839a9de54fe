"""Rules on what a recipe adds to plain training: smoothing, averages, limits, callbacks, what to do about a NaN."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import Key, Problem
from dlkit.schema import Config
from dlkit.schema.optimizers import OptimizerBase
from dlkit.schema.training import LimitBatches, OnNonfinite, ScheduleBase


def smoothing_fits(config: Config) -> Iterator[Problem]:
    """Smoothed labels need a cross-entropy."""
    training = config.training
    if not training.label_smoothing:
        return
    key: Key = ("training", "label_smoothing")
    for name, target in config.data.targets.items():
        loss = target.loss_of(config)
        if not target.smoothable:
            message = f"the target `{name}` holds {target.holds}, and only labels of classes can be smoothed"
            yield Problem("contradiction", message, key, label="remove it")
        elif loss is not None and loss.name not in target.smoothable:
            where = f"data.targets.{name}.loss" if target.loss is not None else "training.loss"
            message = f"labels cannot be smoothed for `{loss.name}`"
            yield Problem("contradiction", message, key, label=f"remove it, or leave `{where}` out")


def settings_have_an_effect(config: Config) -> Iterator[Problem]:
    """A momentum needs its average, a remedy its rollback."""
    optimizer, policy = config.training.optimizer, config.training.on_nonfinite
    default = OptimizerBase.model_fields["ema_momentum"].default
    if config.training.swa is not None and optimizer.use_ema:
        message = "`swa` and `use_ema` each say which average of the weights is judged"
        yield Problem("contradiction", message, ("training", "swa"), label="keep one of them")
    if not optimizer.use_ema and optimizer.ema_momentum != default:
        yield Problem(
            "contradiction",
            "`ema_momentum` is the momentum of an average that is not kept",
            ("training", "optimizer", "ema_momentum"),
            label="needs `use_ema: true`",
        )
    if policy.action == "stop":
        for name, info in OnNonfinite.model_fields.items():
            if name != "action" and getattr(policy, name) != info.default:
                message = f"`{name}` says how to roll back, and `action` is `stop`"
                key: Key = ("training", "on_nonfinite", name)
                yield Problem("contradiction", message, key, label="needs `action: rollback`")


def few_batches_once(config: Config) -> Iterator[Problem]:
    """Only one setting says how few batches are used."""
    training = config.training
    given = {
        "limit_batches": training.limit_batches != LimitBatches(),
        "fast_dev_run": training.fast_dev_run is not False,
        "overfit_batches": training.overfit_batches is not None,
    }
    first, *others = [name for name, there in given.items() if there] or [""]
    for name in others:
        message = f"`{name}` and `{first}` each say which few batches are used"
        yield Problem("contradiction", message, ("training", name), label="keep one of them")


def callbacks_can_set_the_rate(config: Config) -> Iterator[Problem]:
    """A callback that changes the learning rate needs one that no schedule sets."""
    schedule = config.training.schedule
    constant = isinstance(schedule, ScheduleBase) and schedule.name == "constant" and not schedule.warmup_epochs
    for number, callback in enumerate(config.training.callbacks):
        if callback.name == "reduce_lr_on_plateau" and not constant:
            yield Problem(
                "contradiction",
                "`reduce_lr_on_plateau` changes a learning rate that `training.schedule` sets at every update",
                ("training", "callbacks", number),
                label="keep one of them",
            )
