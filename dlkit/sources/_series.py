"""The series of a long table: their rows in order, every series checked, and steps that are missing filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dlkit.config.phrases import count
from dlkit.config.problems import RunError
from dlkit.lazy import lazy
from dlkit.sources._long_table import KEY, LongTable, table_problem
from dlkit.sources._texts import trimmed
from dlkit.sources._timestamps import Step, read_times, step_of

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pc = lazy("pyarrow.compute")

_GROUPS = "where they are of different series, name the column of those with `group:`"
_BETWEEN = "\x1f"  # the names of several group columns


@dataclass(frozen=True)
class Series:
    """Time series one after the other, each step a row.

    Attributes:
        table: where they come from.
        names: of the series.
        starts: the first row of each series, and the number of rows: int64, shape (series + 1,).
        times: when each row is, as `read_times` gives them.
        values: float32, shape (rows, channels).
        rows: the row of the table of each row, -1 for one that was filled in: int64.
        step: how far apart the rows of a series are.
        time: column of the timestamps; empty where each row is a step.
        notes: lines for the user.
    """

    table: LongTable
    names: tuple[str, ...]
    starts: np.ndarray
    times: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    step: Step
    time: str
    notes: tuple[str, ...] = ()

    @property
    def lengths(self) -> np.ndarray:
        """The number of rows of each series."""
        return np.diff(self.starts)

    @property
    def numbers(self) -> np.ndarray:
        """The number of the series of each row: int32."""
        return np.repeat(np.arange(len(self.names), dtype=np.int32), self.lengths)

    def place(self, first: int, stop: int) -> str:
        """Where rows of a series are in the file, as `sales.csv:18 to 53 (A)`."""
        rows = self.rows[first:stop]
        there = rows[rows >= 0]
        if not there.size:
            return f"{self.table.name}, steps that were filled in{self.of(int(self.numbers[first]))}"
        return f"{self.table.lines(int(there.min()), int(there.max()))}{self.of(int(self.numbers[first]))}"

    def of(self, number: int) -> str:
        """The name of a series in brackets; nothing where it has none."""
        return f" ({self.names[number]})" if self.names[number] else ""


def read_series(
    table: LongTable,
    channels: Sequence[str],
    *,
    time: str | None,
    groups: Sequence[str],
    format: str | None,
    sort: bool,
    fill: str | None,
) -> Series:
    """The series of a table.

    Args:
        table: with these columns.
        channels: columns of numbers.
        time: column of the timestamps; None where the rows of each series are its steps.
        groups: columns whose values name the series.
        format: of the timestamps; see `read_times`.
        sort: whether rows may stand in any order of time.
        fill: how missing steps and empty cells are filled in; None where there must not be any.

    Raises:
        RunError: naming the series and the row.
    """
    names, of_row = _groups(table, groups)
    order = np.argsort(of_row, kind="stable")
    times = np.arange(len(table)) if time is None else read_times(table.times(time), format)
    if sort and time is not None:
        order = np.lexsort((times, of_row))
    starts = np.searchsorted(of_row[order], np.arange(len(names) + 1))
    times = times[order] if time is not None else times - np.repeat(starts[:-1], np.diff(starts))
    within = np.diff(of_row[order]) == 0
    step = Step(1, "numbers") if time is None else step_of(times, within)
    values = np.empty((len(table), len(channels)), np.float32)
    for number, channel in enumerate(channels):
        values[:, number] = table.numbers(channel)[order]
    series = Series(table, names, starts, times, values, order, step, time or "")
    _refuse_disorder(series, within)
    positions = _positions(series)
    missing = int((np.diff(positions)[within] - 1).sum())
    empty = np.isnan(values)
    if fill is None:
        _refuse_missing_steps(series, positions, within, missing)
        _refuse_empty(series, empty, channels)
        return series
    return _filled(series, positions, channels, fill, missing, int(empty.sum()))


def _groups(table: LongTable, columns: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the series in the order in which they begin, and the number of the series of each row."""
    if not columns:
        return ("",), np.zeros(len(table), np.int64)
    texts = [trimmed(table.columns[name]) for name in columns]
    for name, column in zip(columns, texts, strict=True):
        nameless = np.flatnonzero(np.asarray(pc.equal(column, "")))
        if nameless.size:
            message = f"{table.line(int(nameless[0]))}: column `{name}`, which names the series, is empty"
            raise table_problem(
                RunError, "series-unnamed", message, (*KEY, "group"), "give each row the name of its series"
            )
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, _BETWEEN)
    encoded = joined.dictionary_encode()
    names = tuple(name.replace(_BETWEEN, ", ") for name in encoded.dictionary.to_pylist())
    return names, np.asarray(encoded.indices).astype(np.int64)


def _refuse_disorder(series: Series, within: np.ndarray) -> None:
    """Refuse times that do not increase."""
    apart = np.diff(series.step.counts(series.times))
    exact = np.diff(series.times.astype(np.int64))
    wrong = np.flatnonzero(within & ((apart <= 0) | (exact <= 0)))
    if not wrong.size:
        return
    row = int(wrong[0]) + 1
    here, before, of = _at(series, row), _at(series, row - 1), series.of(int(series.numbers[row]))
    many = f" ({wrong.size:,} such rows)" if wrong.size > 1 else ""
    if exact[row - 1] < 0:
        message = f"{here}: `{series.time}` is {_shown(series, row)}, before that of {before}{of}{many}"
        help = f"sort the rows, or set `sort: true`; {_GROUPS}"
        raise table_problem(RunError, "time-order", message, (*KEY, "time"), help)
    message = f"{here}: `{series.time}` is {_shown(series, row)}, the same step as {before}{of}{many}"
    raise table_problem(RunError, "time-doubled", message, (*KEY, "time"), f"remove one of them; {_GROUPS}")


def _positions(series: Series) -> np.ndarray:
    """The number of steps from the first row of its series to each row: int64."""
    counts = series.step.counts(series.times)
    since = counts - np.repeat(counts[series.starts[:-1]], series.lengths)
    wrong = np.flatnonzero(since % series.step.size)
    if wrong.size:
        row = int(wrong[0])
        message = f"{_at(series, row)}: `{series.time}` is {_shown(series, row)}, which is no whole number of steps of "
        message += f"{series.step.words()} after the first row of the series{series.of(int(series.numbers[row]))}"
        message += f" ({wrong.size:,} such rows)" if wrong.size > 1 else ""
        help = "bring the rows to steps of one length, or leave `time` out to take each row as a step"
        raise table_problem(RunError, "time-irregular", message, (*KEY, "time"), help)
    return np.asarray(since // series.step.size)


def _refuse_missing_steps(series: Series, positions: np.ndarray, within: np.ndarray, missing: int) -> None:
    if not missing:
        return
    gaps = np.flatnonzero(within & (np.diff(positions) > 1))
    row = int(gaps[0]) + 1
    here, where = int(series.numbers[row]), len(np.unique(series.numbers[gaps]))
    count = int(positions[row] - positions[row - 1]) - 1
    message = f"{_at(series, row)}: {count:,} step{'s' if count > 1 else ''} of {series.step.words()} missing before "
    message += f"{_shown(series, row)}{series.of(here)}; {missing:,} in {where:,} of {len(series.names):,} series"
    help = "add the rows, set `fill: forward`, `linear` or `zero`, or leave `time` out to take each row as a step"
    raise table_problem(RunError, "time-missing", message, (*KEY, "time"), help)


def _refuse_empty(series: Series, empty: np.ndarray, channels: Sequence[str]) -> None:
    """Refuse cells without a number."""
    if not empty.any():
        return
    row, channel = (int(found[0]) for found in np.nonzero(empty))
    message = f"{_at(series, row)}: column `{channels[channel]}` has no number{series.of(int(series.numbers[row]))} "
    message += f"({count(int(empty.sum()), 'such cell')})"
    help = "fill it in, or set `fill: forward`, `linear` or `zero`"
    raise table_problem(RunError, "not-finite", message, KEY, help)


def _filled(
    series: Series, positions: np.ndarray, channels: Sequence[str], fill: str, missing: int, empty: int
) -> Series:
    """The series with a row for each step and a number in each cell."""
    if not missing and not empty:
        return series
    lengths = positions[series.starts[1:] - 1] + 1
    starts = np.concatenate([[0], np.cumsum(lengths)])
    at = positions + np.repeat(starts[:-1], series.lengths)
    values = np.full((starts[-1], len(channels)), np.nan, np.float32)
    rows = np.full(starts[-1], -1)
    values[at], rows[at] = series.values, series.rows
    firsts = series.times[series.starts[:-1]]
    times = np.concatenate([
        series.step.after(first, np.arange(length)) for first, length in zip(firsts, lengths, strict=True)
    ])  # fmt: skip
    touched = 0
    for number, (start, stop) in enumerate(pairwise(starts)):
        part = values[start:stop]
        touched += bool(np.isnan(part).any())
        for channel in np.flatnonzero(np.isnan(part).any(axis=0)).tolist():
            part[:, channel] = _fill(part[:, channel], fill)
            if np.isnan(part[:, channel]).any():
                message = f"{series.table.name}: column `{channels[channel]}` has no number at the "
                ends = {"linear": "start or at the end", "forward": "start"}
                message += f"{ends[fill]} of the series{series.of(number)}, where `fill: {fill}` has nothing to go by"
                help = "remove those rows, or set `fill: zero`"
                raise table_problem(RunError, "not-finite", message, (*KEY, "fill"), help)
    what = [
        f"{count:,} {word}{'s' if count > 1 else ''}"
        for count, word in ((missing, "missing step"), (empty, "empty cell"))
        if count
    ]
    note = f"{series.table.name}: filled in {' and '.join(what)} in {touched:,} of {len(lengths):,} series ({fill})"
    return replace(series, starts=starts, times=times, values=values, rows=rows, notes=(note,))


def _fill(values: np.ndarray, fill: str) -> np.ndarray:
    """Numbers in place of NaN; where `fill` has nothing to go by, NaN stays."""
    there = ~np.isnan(values)
    if fill == "zero":
        return np.where(there, values, 0)
    known = np.flatnonzero(there)
    if not known.size:
        return values
    if fill == "forward":
        last = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
        return np.where(last >= 0, values[last], np.nan)
    return np.interp(np.arange(len(values)), known, values[known], left=np.nan, right=np.nan)


def _at(series: Series, row: int) -> str:
    return series.table.line(int(series.rows[row]))


def _shown(series: Series, row: int) -> str:
    """When a row is, as its table has it; dates of Parquet as `1949-01-01`, `1949-01-01 12:00:00`."""
    given = series.table.columns[series.time][series.rows[row]]
    if isinstance(given, np.datetime64):
        return str(given).removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")
    return str(given).strip()
