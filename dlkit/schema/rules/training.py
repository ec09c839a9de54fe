"""Rules on training: optimizer and schedule, and loss and metrics for the targets."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dlkit.config import keras_names
from dlkit.config.phrases import count
from dlkit.config.problems import Key, Problem
from dlkit.config.suggestions import nearest_name
from dlkit.schema import Config
from dlkit.schema.training import ScheduleBase, StepDecay


def one_kind_of_clipping(config: Config) -> Iterator[Problem]:
    """Keras takes at most one of the three ways to clip gradients."""
    given = [
        n for n in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(config.training.optimizer, n) is not None
    ]
    for name in given[1:]:
        yield Problem(
            "contradiction",
            f"`{name}` and `{given[0]}` cannot both be set",
            ("training", "optimizer", name),
            label="keep one of them",
        )


def schedule_fits_epochs(config: Config) -> Iterator[Problem]:
    """The epochs of a step schedule rise, and a warm-up ends before training does."""
    schedule, epochs = config.training.schedule, config.training.epochs
    if isinstance(schedule, StepDecay):
        for number, (before, after) in enumerate(zip(schedule.epochs, schedule.epochs[1:], strict=False), 1):
            if after <= before:
                yield Problem(
                    "contradiction",
                    f"the epochs of a step schedule must rise: {after:g} follows {before:g}",
                    ("training", "schedule", "epochs", number),
                    label=f"must be greater than {before:g}",
                )
    if isinstance(schedule, ScheduleBase) and schedule.warmup_epochs and schedule.warmup_epochs >= epochs:
        yield Problem(
            "contradiction",
            f"a warm-up of {count(schedule.warmup_epochs, 'epoch')} does not end in {count(epochs, 'epoch')}",
            ("training", "schedule", "warmup_epochs"),
            label=f"must be less than {epochs}",
        )


def layers_are_unfrozen(config: Config) -> Iterator[Problem]:
    """What is unfrozen was frozen, and trains in some epoch; `fine_tune` has a backbone to freeze."""
    settings = config.training
    after, tune = settings.unfreeze_after, settings.fine_tune
    key: Key = ("training", "unfreeze_after" if tune is None else "fine_tune")
    if tune is not None and not config.model.uses("backbone"):
        help = "`freeze`, `unfreeze_after` and `layer_rates` do the same for layers of any name"
        yield Problem(
            "contradiction", "there is no backbone to fine-tune", key, label="needs `model.backbone`", help=help
        )
    elif tune is not None and tune != after:
        message = f"`unfreeze_after` says {after} and `fine_tune` says {tune}"
        yield Problem("contradiction", message, ("training", "unfreeze_after"), label="keep one of them")
    elif after is not None and not settings.freeze:
        yield Problem("contradiction", "no layer is frozen that could be unfrozen", key, label="needs `freeze`")
    elif after is not None and after >= settings.epochs:
        message = f"what is frozen for {count(after, 'epoch')} is never trained in {count(settings.epochs, 'epoch')}"
        yield Problem("contradiction", message, key, label=f"must be less than {settings.epochs}")


def one_place_for_loss_and_metrics(config: Config) -> Iterator[Problem]:
    """`training.loss` and `training.metrics` are short forms; what they say is not said at a target as well."""
    training, targets = config.training, config.data.targets
    if training.loss is not None and len(targets) > 1:
        name = next(iter(targets))
        yield Problem(
            "contradiction",
            f"`training.loss` is the loss of the only target, and there are {len(targets)}: {', '.join(targets)}",
            ("training", "loss"),
            label="write it at the target",
            help=f"as in `data.targets.{name}.loss={training.loss.name}`",
        )
    for what, short in (("loss", training.loss), ("metrics", training.metrics)):
        own = [name for name, target in targets.items() if getattr(target, what) is not None]
        if short is not None and own and not (what == "loss" and len(targets) > 1):
            message = f"`{what}` is given both at `data.targets.{own[0]}` and at `training`"
            yield Problem("contradiction", message, ("training", what), label="keep one of them")


def loss_and_metrics_fit(config: Config) -> Iterator[Problem]:
    """Loss and metrics fit the labels of every target."""
    table = keras_names.table()
    for name, target in config.data.targets.items():
        here: Key = ("data", "targets", name)
        loss = target.loss if len(config.data.targets) > 1 else target.loss_of(config)
        metrics = target.metrics_of(config) or []
        if loss is not None and loss.name in table["losses"]:
            at = here if target.loss is not None else ("training",)
            yield from _fit(loss.name, target.losses, (*at, "loss", "name"), name, target.holds)
        at = here if target.metrics is not None else ("training",)
        for number, metric in enumerate(metrics):
            if metric.name in table["metrics"]:
                key: Key = (*at, "metrics", number, "name")
                yield from _fit(metric.name, target.metrics_that_fit, key, name, target.holds)


def _fit(name: str, fitting: Collection[str], key: Key, target: str, what: str) -> Iterator[Problem]:
    if name in fitting:
        return
    near = nearest_name(name, fitting)
    yield Problem(
        "does-not-fit",
        f"`{name}` does not fit the target `{target}`, which holds {what}",
        key,
        label=f"did you mean `{near}`?" if near else "",
        help=f"what fits: {', '.join(sorted(fitting))}",
    )
