"""Whether a table is a time series, for `dlkit init`: which column is the time, and how far to look back and ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.config.problems import DlkitError
from dlkit.lazy import lazy
from dlkit.sources._long_table import KEY, LongTable, read_table
from dlkit.sources._timestamps import Step, read_times, step_of

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

# Fewer rows are no series to learn from; so many columns beside the time are a table; longer windows are rarely wanted.
FEWEST_ROWS, MOST_COLUMNS, LONGEST = 60, 20, 48


@dataclass(frozen=True)
class FoundSeries:
    """A time series in a table.

    Attributes:
        time: column of the timestamps.
        target: column that is predicted.
        covariates: the other columns.
        group: column that says which series a row is of; empty where there is one series.
        step: how far apart rows are, in words.
        season: steps after which the series is like itself, 1 where nothing says it.
        past: steps to look back.
        horizon: steps to forecast.
    """

    time: str
    target: str
    covariates: tuple[str, ...]
    group: str
    step: str
    season: int
    past: int
    horizon: int


def find_series(path: Path, target: str, written: Mapping[str, Any]) -> FoundSeries | None:
    """The series of a table: a column of dates, regular and in order, beside numbers, and at most one of their names.

    None if it is none.

    Args:
        path: of the table.
        target: column that is predicted; empty for the last one.
        written: how the file is written, as settings of `kind: csv`.
    """
    try:
        table, _ = read_table(str(path), {KEY: ["*"]}, **written)
    except DlkitError:
        return None  # whatever is wrong with it, other sources report
    if not len(table) >= FEWEST_ROWS or not 2 <= len(table.columns) <= MOST_COLUMNS + 1:
        return None
    times = {name: found for name in table.columns if (found := _times(table, name)) is not None}
    if len(times) != 1:
        return None
    (time, moments), others = next(iter(times.items())), [name for name in table.columns if name not in times]
    group, lengths = _group(table, others)
    others = [name for name in others if name != group]
    if not others or not all(_are_numbers(table, name) for name in others) or (target and target not in others):
        return None
    if not lengths or min(lengths.values()) < FEWEST_ROWS // (2 if group else 1):
        return None
    step = _regular(moments, table.columns[group] if group else np.zeros(len(table), int))
    if step is None:
        return None
    chosen, shortest = target or others[-1], min(lengths.values())
    season = step.season if step.season <= shortest // 6 else 1
    horizon = max(1, min(season if season > 1 else 12, LONGEST, shortest // 12))
    past = max(2 * horizon, min(2 * season, LONGEST))
    covariates = tuple(name for name in others if name != chosen)
    return FoundSeries(time, chosen, covariates, group, step.words(), season, past, horizon)


def _group(table: LongTable, names: list[str]) -> tuple[str, dict[Any, int]]:
    """The one column of words, whose values are names of series, and the rows of each; of one series, an empty name."""
    words = [name for name in names if table.columns[name].dtype.kind not in "iufb"]
    if len(words) > 1:
        return "", {}
    group = words[0] if words else ""
    if not group:
        return "", {"": len(table)}
    series, rows = np.unique(table.columns[group].astype(str), return_counts=True)
    return group, dict(zip(series.tolist(), rows.tolist(), strict=True))


def _regular(moments: Any, groups: Any) -> Step | None:
    """How far apart rows are; None where that differs, or a series is not in order."""
    order = np.argsort(groups.astype(str), kind="stable")
    moments, groups = moments[order], groups[order]
    same = groups[1:] == groups[:-1]
    step = step_of(moments, same)
    return step if np.all(np.diff(step.counts(moments))[same] == step.size) else None


def _times(table: LongTable, name: str) -> Any:
    """When each row is, where a column holds dates; None where it does not."""
    try:
        found = read_times(table.times(name), None)
    except DlkitError:
        return None
    return found if found.dtype.kind == "M" else None


def _are_numbers(table: LongTable, name: str) -> bool:
    try:
        return bool(np.isfinite(table.numbers(name)).all())
    except DlkitError:
        return False
