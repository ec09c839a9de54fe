"""Rules between settings that need no TensorFlow. Each is a small function that yields problems with a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.config.schema import Config
from dlkit.config.schema.data import ImageInput, Resize, SequenceInput
from dlkit.config.schema.model import Cnn, Rnn
from dlkit.config.schema.training import ScheduleBase, StepDecay
from dlkit.config.slices import read_slices

Rule = Callable[[Config], Iterator[Problem]]

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


def broken_rules(config: Config, *, needs_source: bool = True) -> Iterator[Problem]:
    """The problems of a configuration whose settings are right one by one.

    Args:
        config: the typed configuration.
        needs_source: whether `data.source` must be given.
    """
    if needs_source and config.data.source is None:
        yield Problem(
            "missing-key",
            "`source` is missing in data",
            ("data", "source"),
            label="needs `source`",
            help="as in `source: {kind: tfds, name: mnist}`; arrays can be given in Python instead",
        )
    for rule in RULES:
        yield from rule(config)


def name_is_free(config: Config) -> Iterator[Problem]:
    """`latest` is the link that leads to the newest run, and means that run on the command line."""
    if config.name.lower() == "latest":
        yield Problem(
            "bad-format",
            f"`name` cannot be `{config.name}`, which means the newest run",
            ("name",),
            label="choose another name",
            help="the run's folder gets this name, and `latest` is the link beside the runs in it",
        )


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


def metric_columns(config: Config) -> set[str]:
    """Names of the loss and metrics that the run will have, without `val_` or `test_`."""
    targets = config.data.targets
    if config.training.metrics is not None:
        names = {metric.name for metric in config.training.metrics}
    else:
        names = {name for target in targets.values() for name in DEFAULT_METRICS[target.kind]}
    if len(targets) > 1:
        names |= {f"{target}_{name}" for target in targets for name in [*names, "loss"]}
    return {"loss", *names}


def monitor_is_a_column(config: Config) -> Iterator[Problem]:
    """The monitored column is the loss or one of the metrics."""
    monitor = config.training.monitor
    if monitor is None:
        return
    columns = metric_columns(config)
    if monitor.removeprefix("val_") not in columns:
        every = [f"{prefix}{name}" for name in sorted(columns) for prefix in ("", "val_")]
        yield _unknown_column(monitor, every, ("training", "monitor"), "`training.monitor`")


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


def slices_can_be_read(config: Config) -> Iterator[Problem]:
    """Every split is written in the language of slices."""
    for name, text in config.data.splits or ():
        try:
            if text is not None:
                read_slices(text, ("data", "splits", name))
        except ConfigError as error:
            yield from error.problems


def splits_differ(config: Config) -> Iterator[Problem]:
    """What trains does not also validate or test."""
    splits = config.data.splits
    if splits is None:
        return
    used = {splits.train: "train"}
    for name in ("validation", "test"):
        slice_ = getattr(splits, name)
        if slice_ in used and slice_ is not None:
            yield Problem(
                "contradiction",
                f"`{name}` and `{used[slice_]}` are the same examples, `{slice_}`",
                ("data", "splits", name),
                label=f"the same as `{used[slice_]}`",
                help="results on examples that were trained on say nothing about new ones"
                if used[slice_] == "train"
                else "the test examples would have chosen the best epoch",
            )
        elif slice_ is not None:
            used[slice_] = name


def builder_fits_inputs(config: Config) -> Iterator[Problem]:
    """A CNN reads an image; an RNN an image or a sequence; every builder of dlkit one input."""
    model, inputs = config.model, config.data.inputs
    if not type(model).__module__.startswith("dlkit.config.schema"):
        return
    if len(inputs) > 1:
        yield Problem(
            "contradiction",
            f"the {model.builder} builder takes one input, and there are {len(inputs)}",
            ("data", "inputs"),
            label=", ".join(inputs),
            help="a plug-in builder may take several",
        )
        return
    ((name, given),) = inputs.items()
    if isinstance(model, Cnn) and not isinstance(given, ImageInput):
        yield Problem(
            "contradiction",
            f"the cnn builder needs an image, and `{name}` is a {given.kind}",
            ("model", "builder"),
            label="write `mlp`" if given.kind == "number" else "write `rnn`",
            help=f"or change `data.inputs.{name}.kind`",
        )
    if isinstance(model, Rnn) and not isinstance(given, ImageInput | SequenceInput):
        yield Problem(
            "contradiction",
            f"the rnn builder needs a sequence or an image, and `{name}` is a {given.kind}",
            ("model", "builder"),
            label="write `mlp`",
            help=f"or change `data.inputs.{name}.kind`",
        )


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


def names_differ(config: Config) -> Iterator[Problem]:
    """No input has the name of a target."""
    for name in config.data.targets:
        if name in config.data.inputs:
            yield Problem(
                "contradiction",
                f"an input and a target are both called `{name}`",
                ("data", "targets", name),
                label="give one of them another name",
                help=f"with `field: {name}` it is still read from that field",
            )


def one_way_to_keep_the_aspect(config: Config) -> Iterator[Problem]:
    """Resizing either crops or pads."""
    for name, given in config.data.inputs.items():
        for number, step in enumerate(given.preprocess):
            if isinstance(step, Resize) and step.crop_to_aspect_ratio and step.pad_to_aspect_ratio:
                yield Problem(
                    "contradiction",
                    "an image is either cropped or padded to keep its aspect ratio",
                    ("data", "inputs", name, "preprocess", number, "resize", "pad_to_aspect_ratio"),
                    label="remove one of the two",
                )


def class_names_differ(config: Config) -> Iterator[Problem]:
    """Each class has its own name."""
    for name, target in config.data.targets.items():
        classes = getattr(target, "classes", None)
        if not isinstance(classes, list):
            continue
        seen: dict[str, int] = {}
        for number, class_name in enumerate(classes):
            if class_name in seen:
                yield Problem(
                    "contradiction",
                    f"the class `{class_name}` is listed twice",
                    ("data", "targets", name, "classes", number),
                    label=f"also item {seen[class_name]}",
                )
            seen.setdefault(class_name, number)


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


RULES: tuple[Rule, ...] = (
    name_is_free,
    one_kind_of_clipping,
    validation_for_what_needs_it,
    monitor_is_a_column,
    schedule_fits_epochs,
    slices_can_be_read,
    splits_differ,
    builder_fits_inputs,
    expects_what_the_run_has,
    loss_and_metrics_fit,
    names_differ,
    one_way_to_keep_the_aspect,
    class_names_differ,
)
