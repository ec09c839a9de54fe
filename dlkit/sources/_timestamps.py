"""Timestamps: one format that fits every row, and how far apart the steps of a series are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.sources._texts import trimmed

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pa, pc = lazy("pyarrow"), lazy("pyarrow.compute")

_Y, _M, _D = r"(?P<Y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})"
_ZONE = r"(?:Z|[+-]\d{2}(?::?\d{2})?)"
_CLOCK = rf"(?:[T ](?P<H>\d{{1,2}}):(?P<M>\d{{2}})(?::(?P<S>\d{{2}})(?:[.,](?P<f>\d{{1,9}}))?)?(?P<z> ?{_ZONE})?)?"
# Readings of text as dates, by their names, with the `time_format` that asks for each.
READINGS = {
    "year-month-day": (rf"^{_Y}[-/.]{_M}[-/.]{_D}{_CLOCK}$", "%Y-%m-%d"),
    "day/month/year": (rf"^{_D}[-/.]{_M}[-/.]{_Y}{_CLOCK}$", "%d/%m/%Y"),
    "month/day/year": (rf"^{_M}[-/.]{_D}[-/.]{_Y}{_CLOCK}$", "%m/%d/%Y"),
    "year-month": (rf"^{_Y}[-/.]{_M}$", "%Y-%m"),
    "yyyymmdd": (r"^(?P<Y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})$", "%Y%m%d"),
}
_ZONED = rf":\d{{2}}.*{_ZONE}$"
NUMBERS = "whole numbers"
DAY = 24 * 60 * 60 * 10**6  # in microseconds


@dataclass(frozen=True)
class Times:
    """A column of timestamps.

    Attributes:
        name: of the column.
        table: what messages call the table.
        values: numbers, text or dates of NumPy's.
        line: the number of a row to words for where it is.
        key: of the setting that names the column.
        format_key: of the setting that says how the column is written; None where there is no such setting.
    """

    name: str
    table: str
    values: Any
    line: Callable[[int], str]
    key: Key
    format_key: Key | None = None

    def empty(self, row: int) -> RunError:
        """The error for a row without a time."""
        message = f"{self.line(row)}: column `{self.name}` is empty"
        return RunError(Problem("time-format", message, self.key, help="fill it in, or remove the row"))

    def wrong(self, row: int, value: Any, why: str, key: Key | None = None, help: str = "") -> RunError:
        """The error for a value that is no time."""
        if not value:
            return self.empty(row)
        message = f"{self.line(row)}: column `{self.name}` has `{value}`, and {why}"
        if not help:
            help = "correct it, or write all of them as 2024-01-31 or 2024-01-31 12:00"
            if self.format_key is not None:
                help = 'correct it, or state the format with `time_format:`, as in `time_format: "%d.%m.%Y %H:%M"`'
        return RunError(Problem("time-format", message, key or self.key, help=help))


def read_times(column: Times, format: str | None = None) -> np.ndarray:
    """When each row is: datetime64[us], in UTC where rows state their zone; int64 where time is counted in numbers.

    Args:
        column: which is read.
        format: as `datetime.strptime` takes it; None for the one format that fits every row.

    Raises:
        ConfigError: if dates can be read in two ways.
        RunError: naming the first row that is no date, or one of another format than the others.
    """
    values = column.values
    if values.dtype.kind in "Mf" and (missing := np.flatnonzero(values != values)).size:
        raise column.empty(int(missing[0]))
    if values.dtype.kind == "M":
        return np.asarray(values)
    if values.dtype.kind == "f":
        message = f"the column `{column.name}` of {column.table} holds fractions, which are no times"
        raise RunError(Problem("time-format", message, column.key, help="give dates or whole numbers"))
    # Rows share their times: each is read once.
    texts = trimmed(values)
    encoded = texts.dictionary_encode()
    different, of_row = encoded.dictionary, np.asarray(encoded.indices)

    def wrong(text: str, *why: Any) -> RunError:
        return column.wrong(int(np.flatnonzero(np.asarray(pc.equal(texts, text)))[0]), text, *why)

    read = _by_reading(column, different, wrong) if format is None else _by_format(column, different, format, wrong)
    return read[of_row]


# A text and why it is no time, to the error at the first row that has it.
Wrong = Callable[..., RunError]


def _by_format(column: Times, texts: Any, format: str, wrong: Wrong) -> np.ndarray:
    """Times in a format of the user's own, of each of the texts that the column has."""
    found = np.empty(len(texts), "datetime64[us]")
    for number, text in enumerate(texts.to_pylist()):
        try:
            time = datetime.strptime(text, format)
        except ValueError:
            raise wrong(text, f"`time_format` is `{format}`", column.format_key) from None
        found[number] = time if time.tzinfo is None else (time - time.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
    return found


def _by_reading(column: Times, texts: Any, wrong: Wrong) -> np.ndarray:
    """Times in the only format that fits every one of the texts that the column has."""
    readings: dict[str, Callable[[], Any]] = {
        **{reading: partial(_dates, texts, pattern) for reading, (pattern, _) in READINGS.items()},
        NUMBERS: partial(_whole, texts),
    }
    fits, best = {}, (0, "", np.zeros(0, bool))
    for reading, read in readings.items():
        times, right = read()
        if right.all():
            fits[reading] = times
            if reading == "yyyymmdd":
                break  # such numbers are dates
        if right.sum() > best[0]:
            best = (int(right.sum()), reading, right)
    if len(fits) > 1:
        raise _two_ways(column, texts[0].as_py(), list(fits))
    if fits:
        _refuse_some_zones(texts, wrong)
        return next(iter(fits.values()))
    _, reading, right = best
    if not reading:
        raise wrong(texts[0].as_py(), "it is in no format that is known")
    other = texts[int(np.flatnonzero(right)[0])]
    raise wrong(texts[int(np.flatnonzero(~right)[0])].as_py(), f"others are {reading}, such as `{other}`")


def _refuse_some_zones(texts: Any, wrong: Wrong) -> None:
    """Refuse times of which some state their zone: those of the others are not known.

    Raises:
        RunError: naming the first row without a zone.
    """
    zoned = np.asarray(pc.match_substring_regex(texts, _ZONED))
    if zoned.any() and not zoned.all():
        other = texts[int(np.flatnonzero(zoned)[0])]
        why, help = f"others state their zone, such as `{other}`", "state the zone in every row, or in none"
        raise wrong(texts[int(np.flatnonzero(~zoned)[0])].as_py(), why, None, help)


def _two_ways(column: Times, text: str, fits: Sequence[str]) -> ConfigError:
    """The error for dates that can be read in two ways."""
    message = f"the dates in `{column.name}` of {column.table}, such as `{text}`, can be {' or '.join(fits)}"
    help = "write them as year-month-day"
    if column.format_key is not None:
        choices = " or ".join(f'`time_format: "{READINGS[reading][1]}"`' for reading in fits)
        help = f"say which: {choices}"
    return ConfigError(Problem("time-format", message, column.key, help=help))


def _whole(texts: Any) -> tuple[Any, Any]:
    right = np.asarray(pc.match_substring_regex(texts, r"^-?\d{1,18}$"))
    values = pc.cast(texts, pa.int64()) if right.all() else None
    return (None if values is None else np.asarray(values)), right


def _dates(texts: Any, pattern: str) -> tuple[Any, Any]:
    """Times by one reading, and which rows it fits; what does not exist, such as February 30, it does not fit."""
    parts = pc.extract_regex(texts, pattern)
    right = np.asarray(pc.is_valid(parts))
    names = [field.name for field in parts.type] if pa.types.is_struct(parts.type) else []

    def part(name: str, default: int) -> Any:
        if name not in names:
            return np.full(len(texts), default)
        field = pc.struct_field(parts, name)
        field = pc.if_else(pc.equal(pc.fill_null(field, ""), ""), str(default), field)
        return np.asarray(pc.cast(field, pa.int64()))

    month, day, hour, minute, second = (part(n, d) for n, d in (("m", 1), ("d", 1), ("H", 0), ("M", 0), ("S", 0)))
    right = right & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    begins = ((part("Y", 1970) - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days = (begins + np.timedelta64(1, "M")).astype("datetime64[D]") - begins.astype("datetime64[D]")
    right &= (day >= 1) & (day <= days.astype(np.int64))
    seconds = (day - 1) * 86400 + hour * 3600 + minute * 60 + second
    times = begins.astype("datetime64[us]") + (seconds * 10**6 + _fraction(parts, names) - _offset(parts, names))
    return times, right


def _fraction(parts: Any, names: list[str]) -> Any:
    """Microseconds of a fraction of a second."""
    if "f" not in names:
        return 0
    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(pc.struct_field(parts, "f"), ""), 6, "0"), 0, 6)
    return np.asarray(pc.cast(digits, pa.int64()))


def _offset(parts: Any, names: list[str]) -> Any:
    """Microseconds that the clock of a row is ahead of UTC."""
    if "z" not in names:
        return 0
    zones = pc.utf8_trim_whitespace(pc.fill_null(pc.struct_field(parts, "z"), ""))
    encoded = zones.dictionary_encode()
    values = [_microseconds(zone) for zone in encoded.dictionary.to_pylist()]
    return np.array(values, np.int64)[np.asarray(encoded.indices)]


def _microseconds(zone: str) -> int:
    if zone in ("", "Z"):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[3:].removeprefix(":") or 0)
    return (-minutes if zone[0] == "-" else minutes) * 60 * 10**6


@dataclass(frozen=True)
class Step:
    """How far apart the steps of series are.

    Attributes:
        size: in months, in microseconds, or in the unit of the numbers.
        unit: `months`, `microseconds` or `numbers`.
    """

    size: int
    unit: str

    def counts(self, times: np.ndarray) -> np.ndarray:
        """Times as numbers of the unit: int64."""
        return times.astype("datetime64[M]" if self.unit == "months" else times.dtype).astype(np.int64)

    def after(self, time: Any, steps: np.ndarray) -> np.ndarray:
        """The times that lie so many steps after one."""
        if self.unit == "numbers":
            return np.asarray(time + steps * self.size)
        if self.unit == "microseconds":
            return np.asarray(time + (steps * self.size).astype("timedelta64[us]"))
        begin = time.astype("datetime64[M]")
        return np.asarray(
            (begin + (steps * self.size).astype("timedelta64[M]")).astype("datetime64[us]")
            + (time - begin.astype("datetime64[us]"))
        )

    @property
    def season(self) -> int:
        """Steps in a year of months, quarters or weeks, in a week of days, in a day of less; 1 for any others."""
        if self.unit == "months":
            return 12 // self.size if 12 % self.size == 0 else 1
        if self.unit == "numbers":
            return 1
        if self.size in (DAY, 7 * DAY):
            return 7 if self.size == DAY else 52
        return DAY // self.size if self.size < DAY and DAY % self.size == 0 else 1

    def words(self) -> str:
        """The step as it is read: `1 month`, `15 minutes`."""
        if self.unit == "numbers":
            return str(self.size)
        units = [("month", 1)] if self.unit == "months" else [
            ("day", DAY), ("hour", DAY // 24), ("minute", DAY // 1440), ("second", 10**6), ("microsecond", 1)
        ]  # fmt: skip
        name, size = next((name, size) for name, size in units if self.size % size == 0)
        count = self.size // size
        return f"{count:,} {name}{'s' if count > 1 else ''}"


def step_of(times: np.ndarray, within: np.ndarray) -> Step:
    """The step that is most frequent.

    Args:
        times: of rows, series by series.
        within: whether each row but the first is of the same series as the one before: bool, shape (rows - 1,).
    """
    unit = "numbers" if times.dtype.kind == "i" else "months" if _are_months(times) else "microseconds"
    apart = np.diff(Step(1, unit).counts(times))[within]
    sizes, counts = np.unique(apart[apart > 0], return_counts=True)
    return Step(int(sizes[np.argmax(counts)]) if sizes.size else 1, unit)


def _are_months(times: np.ndarray) -> bool:
    """Whether all times are the same moment of a month, counted from its start or from its end."""
    months = times.astype("datetime64[M]")
    since = (times - months.astype(times.dtype)).astype(np.int64)
    until = ((months + np.timedelta64(1, "M")).astype(times.dtype) - times).astype(np.int64)
    several = len(np.unique(months)) > 1
    return bool(several and ((since == since[0]).all() or (until == until[0]).all()))
