"""The names of metrics in the history: Keras's, apart by what differs where there are several of one name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlkit.config.schema.training import Metric


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
    return "".join(c if c.isalnum() else "_" for c in str(value)).strip("_").lower()
