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
# The share of steps that may be missing, and of cells that may be empty.
MOST_MISSING = 0.05


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
        in_order: whether the rows of each series stand in the order of time.
        missing: steps without a row.
        empty: cells without a number.
    """

    time: str
    target: str
    covariates: tuple[str, ...]
    group: str
    step: str
    season: int
    past: int
    horizon: int
    in_order: bool
    missing: int
    empty: int


def find_series(path: Path, target: str, written: Mapping[str, Any]) -> FoundSeries | None:
    """The series of a table: a column of regular dates, beside numbers, and at most one of the names of series.

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
    if not others or (target and target not in others):
        return None
    if not lengths or min(lengths.values()) < FEWEST_ROWS // (2 if group else 1):
        return None
    regular = _regular(moments, table.columns[group] if group else np.zeros(len(table), int))
    if regular is None:
        return None
    step, in_order, missing, first = regular
    empty = [_empty(table, name, first) for name in others]
    if None in empty:
        return None
    chosen, shortest = target or others[-1], min(lengths.values())
    season = step.season if step.season <= shortest // 6 else 1
    horizon = max(1, min(season if season > 1 else 12, LONGEST, shortest // 12))
    past = max(2 * horizon, min(2 * season, LONGEST))
    covariates = tuple(name for name in others if name != chosen)
    return FoundSeries(
        time, chosen, covariates, group, step.words(), season, past, horizon, in_order, missing,
        sum(number for number in empty if number),
    )  # fmt: skip


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


def _regular(moments: Any, groups: Any) -> tuple[Step, bool, int, Any] | None:
    """How far apart steps are, whether rows stand in order, the steps without a row, and the first row of each series.

    None where rows are no whole number of steps apart, or too many are missing.
    """
    names = groups.astype(str)
    as_given, order = np.argsort(names, kind="stable"), np.lexsort((moments, names))
    in_order = bool((as_given == order).all())
    moments, names = moments[order], names[order]
    same = names[1:] == names[:-1]
    step = step_of(moments, same)
    steps, rest = np.divmod(np.diff(step.counts(moments))[same], step.size)
    missing = int((steps - 1).sum())
    if rest.any() or (steps < 1).any() or missing > MOST_MISSING * len(moments):
        return None
    return step, in_order, missing, order[np.append(True, ~same)]


def _times(table: LongTable, name: str) -> Any:
    """When each row is, where a column holds dates; None where it does not."""
    try:
        found = read_times(table.times(name), None)
    except DlkitError:
        return None
    return found if found.dtype.kind == "M" else None


def _empty(table: LongTable, name: str, first: Any) -> int | None:
    """The empty cells of a column of numbers; None where it holds others, too many are empty, or one of the first is.

    Args:
        table: that has the column.
        name: of the column.
        first: the first row of each series, from which later cells can be filled.
    """
    try:
        empty = np.isnan(table.numbers(name))
    except DlkitError:
        return None
    return None if empty[first].any() or empty.mean() > MOST_MISSING else int(empty.sum())
