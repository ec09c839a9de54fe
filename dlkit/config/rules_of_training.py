"""Rules on training: optimizer and schedule, what is monitored and expected, and loss and metrics for the targets."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.metric_names import metric_columns as metric_columns_of
from dlkit.config.problems import Key, Problem
from dlkit.config.schema import Config
from dlkit.config.schema.training import ScheduleBase, StepDecay

# What fits the labels of each kind of target. A category is an integer, so losses over one-hot labels do not fit.
FITTING_LOSSES = {
    "category": {"sparse_categorical_crossentropy"},
    "binary": {"binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge"},
    "number": {
        "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
        "huber", "log_cosh", "poisson", "cosine_similarity",
    },
}  # fmt: skip
FITTING_METRICS = {
    "category": {
        "accuracy", "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
        "sparse_top_k_categorical_accuracy",
    },
    "binary": {
        "accuracy", "binary_accuracy", "binary_crossentropy", "auc", "precision", "recall", "true_positives",
        "true_negatives", "false_positives", "false_negatives", "precision_at_recall", "recall_at_precision",
        "sensitivity_at_specificity", "specificity_at_sensitivity", "f1_score", "f_beta_score", "binary_io_u", "hinge",
        "squared_hinge",
    },
    "number": {
        "mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error", "log_cosh_error", "r2_score", "pearson_correlation",
        "concordance_correlation", "cosine_similarity", "poisson",
    },
}  # fmt: skip
DEFAULT_METRICS = {"category": ["accuracy"], "binary": ["accuracy"], "number": ["mean_absolute_error"]}


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
            f"a warm-up of {schedule.warmup_epochs:g} epochs does not end in {epochs} epochs",
            ("training", "schedule", "warmup_epochs"),
            label=f"must be less than {epochs}",
        )


def validation_for_what_needs_it(config: Config) -> Iterator[Problem]:
    """Stopping early on `val_*`, and monitoring it, need a validation split."""
    splits, training = config.data.splits, config.training
    if splits is None or splits.validation is not None:
        return
    help_ = 'as in `splits: {train: "train[:90%]", validation: "train[90%:]"}`'
    if training.monitor is not None and training.monitor.startswith("val_"):
        yield Problem(
            "contradiction",
            f"`{training.monitor}` is monitored and there is no validation split",
            ("training", "monitor"),
            label="needs `data.splits.validation`",
            help=help_,
        )
    elif training.early_stopping is not None and training.monitor is None:
        yield Problem(
            "contradiction",
            "early stopping needs a validation split",
            ("training", "early_stopping"),
            label="needs `data.splits.validation`",
            help=help_,
        )


def monitor_is_a_column(config: Config) -> Iterator[Problem]:
    """The monitored column is the loss or one of the metrics."""
    monitor = config.training.monitor
    if monitor is None:
        return
    columns = metric_columns(config)
    if monitor.removeprefix("val_") not in columns:
        every = [f"{prefix}{name}" for name in sorted(columns) for prefix in ("", "val_")]
        yield _unknown_column(monitor, every, ("training", "monitor"), "`training.monitor`")


def metric_columns(config: Config) -> set[str]:
    """Names of the loss and metrics that the run will have, without `val_` or `test_`."""
    targets = config.data.targets
    if config.training.metrics is not None:
        names = set(metric_columns_of(config.training.metrics))
    else:
        names = {name for target in targets.values() for name in DEFAULT_METRICS[target.kind]}
    if len(targets) > 1:
        names |= {f"{target}_{name}" for target in targets for name in [*names, "loss"]}
    return {"loss", *names}


def expects_what_the_run_has(config: Config) -> Iterator[Problem]:
    """Expectations are of `test_` or `val_` and the loss or a metric."""
    columns, splits = metric_columns(config), config.data.splits
    for name in config.expects:
        key: Key = ("expects", name)
        prefix, _, column = name.partition("_")
        if prefix not in ("test", "val") or column not in columns:
            every = [f"{p}_{c}" for c in sorted(columns) for p in ("test", "val")]
            yield _unknown_column(name, every, key, "expects")
        elif splits is not None and (splits.test if prefix == "test" else splits.validation) is None:
            split = "test" if prefix == "test" else "validation"
            yield Problem(
                "contradiction",
                f"`{name}` is expected and there is no {split} split",
                key,
                label=f"needs `data.splits.{split}`",
            )


def loss_and_metrics_fit(config: Config) -> Iterator[Problem]:
    """Loss and metrics fit the labels of every target."""
    from dlkit.config import keras_names

    for name, target in config.data.targets.items():
        what = {"category": "integer classes", "binary": "labels 0 and 1", "number": "numbers"}[target.kind]
        loss = config.training.loss
        if loss is not None and loss.name in keras_names.table()["losses"]:
            yield from _fit(loss.name, FITTING_LOSSES[target.kind], ("training", "loss", "name"), name, what)
        for number, metric in enumerate(config.training.metrics or []):
            if metric.name in keras_names.table()["metrics"]:
                key: Key = ("training", "metrics", number, "name")
                yield from _fit(metric.name, FITTING_METRICS[target.kind], key, name, what)


def _fit(name: str, fitting: set[str], key: Key, target: str, what: str) -> Iterator[Problem]:
    if name in fitting:
        return
    near = next((other for other in (f"sparse_{name}", name.removeprefix("sparse_")) if other in fitting), None)
    yield Problem(
        "does-not-fit",
        f"`{name}` does not fit the target `{target}`, which holds {what}",
        key,
        label=f"did you mean `{near}`?" if near else "",
        help=f"what fits: {', '.join(sorted(fitting))}",
    )


def _unknown_column(name: str, columns: list[str], key: Key, where: str) -> Problem:
    from dlkit.config.suggestions import nearest_name

    near = f"test_{name}" if f"test_{name}" in columns else nearest_name(name, columns)
    return Problem(
        "unknown-metric",
        f"`{name}` in {where} is not a figure that this run has",
        key,
        label=f"did you mean `{near}`?" if near else "",
        help=f"it has {', '.join(columns)}",
    )
