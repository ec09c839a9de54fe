"""The columns of a run's history: the loss and the metrics, named apart, and which of them can be monitored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlkit.config.problems import Key, Problem
from dlkit.config.suggestions import nearest_name

if TYPE_CHECKING:
    from dlkit.schema import Config
    from dlkit.schema.keras_objects import Metric
    from dlkit.schema.target import TargetSettings
    from dlkit.schema.training import Training

# Columns that say nothing of how good an epoch is.
BESIDE = ("epoch", "learning_rate")


@dataclass(frozen=True)
class Figure:
    """A figure that a run has of every epoch.

    Attributes:
        column: its name, before which `val_` and `test_` stand for the other splits.
        key: of the setting that asks for it.
        words: what it is.
    """

    column: str
    key: Key
    words: str


def metric_columns(metrics: Sequence[Metric]) -> list[str]:
    """The column of each metric: its name; `auc`, `auc_curve_pr` for two of a name, by the arguments that differ."""
    several = {name for name, count in Counter(metric.name for metric in metrics).items() if count > 1}
    return [_apart(metric, metrics) if metric.name in several else metric.name for metric in metrics]


def _apart(metric: Metric, metrics: Sequence[Metric]) -> str:
    alike = [other.arguments for other in metrics if other.name == metric.name]
    differ = [name for name in metric.arguments if any(a.get(name) != metric.arguments[name] for a in alike)]
    return "_".join([metric.name, *(f"{name}_{_word(metric.arguments[name])}" for name in differ)])


def _word(value: Any) -> str:
    """A value as a part of a name."""
    text = str(value)
    text = f"minus_{text[1:]}" if text.startswith("-") else text
    return "".join(c if c.isalnum() else "_" for c in text).strip("_").lower()


def figures(config: Config) -> list[Figure]:
    """The loss and the metrics of a run; with several targets also the loss of each, and its name before its own."""
    found, several = [Figure("loss", ("training", "loss"), "the loss")], len(config.data.targets) > 1
    for name, target in config.data.targets.items():
        before, of = (f"{name}_", f" of `{name}`") if several else ("", "")
        if several:
            found.append(Figure(f"{before}loss", ("data", "targets", name), f"the loss{of}"))
        found += [
            Figure(before + column, key, f"the metric `{metric}`{of}")
            for column, metric, key in _metrics(name, target, config)
        ]
    return found


def _metrics(name: str, target: TargetSettings, config: Config) -> Iterator[tuple[str, str, Key]]:
    """Column, name and key of each metric of a target, and of the figures that its kind has by itself."""
    here: Key = ("data", "targets", name)
    asked_for = target.metrics_of(config)
    if asked_for is None:
        yield from ((metric, metric, here) for metric in target.usual_metrics)
    else:
        key = (*(here if target.metrics is not None else ("training",)), "metrics")
        for number, (column, metric) in enumerate(zip(metric_columns(asked_for), asked_for, strict=True)):
            yield column, metric.name, (*key, number)
    yield from ((figure, figure, here) for figure in target.figures)


def monitor_problems(training: Training, columns: Collection[str], *, validation: bool) -> Iterator[Problem]:
    """What is wrong with the monitored column, and early stopping that nothing could decide.

    Args:
        training: settings of the run.
        columns: names of the loss and metrics, without `val_`.
        validation: whether there is a validation split, as far as is known.
    """
    if training.monitor is not None:
        yield from monitor_problem(training.monitor, columns, ("training", "monitor"), validation=validation)
    elif training.early_stopping is not None and not validation:
        yield Problem(
            "contradiction",
            "early stopping needs a validation split, and there is none",
            ("training", "early_stopping"),
            label="needs a validation split",
            help=f"{_HOLD_BACK}; or set `training.monitor: loss`",
        )


_HOLD_BACK = 'hold some examples back, as in `splits: {train: "train[:90%]", validation: "train[90%:]"}`'


def monitor_problem(name: str, columns: Collection[str], key: Key, *, validation: bool) -> Iterator[Problem]:
    """What is wrong with a column that is monitored at `key`; see `monitor_problems`."""
    known = [f"{prefix}{column}" for column in columns for prefix in ("", "val_") if validation or not prefix]
    if name in known:
        return
    if name in BESIDE:
        message = f"`{name}` does not say how good an epoch is"
        yield Problem("unknown-metric", message, key, label="cannot be monitored", help=f"choose {', '.join(known)}")
    elif name.startswith("val_") and name.removeprefix("val_") in columns:
        message = f"`{name}` is monitored and there is no validation split"
        yield Problem("contradiction", message, key, label="needs a validation split", help=_HOLD_BACK)
    else:
        yield unknown_figure(name, known, key)


def unknown_figure(name: str, columns: Sequence[str], key: Key) -> Problem:
    """The problem of a figure that the run does not have; `columns` are those that it has."""
    near = f"test_{name}" if f"test_{name}" in columns else nearest_name(name, columns)
    return Problem(
        "unknown-metric",
        f"`{name}` is not a figure that this run has",
        key,
        label=f"did you mean `{near}`?" if near else "",
        help=f"it has {', '.join(columns)}",
    )
