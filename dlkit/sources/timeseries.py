"""`kind: timeseries`: one long table of time series, CSV or Parquet, cut into windows of past and future."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.phrases import count, listed
from dlkit.config.problems import Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.base import FilePath, Positive, Text
from dlkit.schema.column import is_pattern
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import BaseRows, SourceData, SourceField
from dlkit.sources._encodings import written_in
from dlkit.sources._find_series import find_series
from dlkit.sources._long_table import KEY, LongTable, first_of, is_columnar, read_table, table_problem
from dlkit.sources._series import Series, read_series
from dlkit.sources._text_files import TextFiles
from dlkit.sources._windows import Columns, first_rows

if TYPE_CHECKING:
    import numpy as np

    from dlkit.schema import Config
else:
    np = lazy("numpy")
reading = lazy("dlkit.bundled.reading")

Names = Annotated[list[Text], Field(min_length=1)] | Text
# The columns that it offers.
PAST, FUTURE, KNOWN = "past", "future", "known"
# More series than this are not listed in a message.
FEW = 5


class TimeseriesSource(TextFiles):
    """Windows over time series in one long table: `past`, what a model sees, and `future`, what it predicts.

    `past` has the shape (past, channels): the targets, then the covariates. `future` has the shape (horizon, targets).
    `known` has the shape (horizon, known): what is known of the future beforehand, such as holidays.
    """

    also_called = "time_series, series, forecast, forecasting, long_table, windows"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **TextFiles.fields_also_called,
        "time": "timestamp, datetime, time_column, timestamp_column, ds",
        "time_format": "date_format, datetime_format",
        "group": "groups, item_id, series_id, unique_id, entity",
        "targets": "target",
        "covariates": "past_covariates",
        "known": "known_covariates, future_covariates, known_future",
        "past": "look_back, lookback, input_length, context_length",
        "horizon": "prediction_length, output_length, steps_ahead, forecast_length",
        "stride": "hop",
        "fill": "impute, fillna",
    }

    gives_windows = True

    kind: Literal["timeseries"]
    path: FilePath | Annotated[list[FilePath], Field(min_length=1)] | None = Field(
        None,
        description="The table: text files whose first line names the columns, or Parquet where the name ends so; one "
        "file, a pattern, or a list.",
    )
    bundled: Literal["airline"] | None = Field(None, description="A series that ships with dlkit, instead of `path`.")
    time: Text | None = Field(
        None, description="Column of the timestamps: dates, or whole numbers; null to take each row as a step."
    )
    time_format: Text | None = Field(
        None, description='Format of the timestamps, as in `"%d.%m.%Y %H:%M"`; by default the one that fits every row.'
    )
    group: Names | None = Field(None, description="Column, or columns, whose values name the series of a row.")
    targets: Names = Field(description="Columns that are predicted: names or patterns.")
    covariates: Names | None = Field(None, description="Further columns that `past` has beside the targets.")
    known: Names | None = Field(None, description="Columns that are known for the steps that are predicted as well.")
    past: Positive = Field(description="Steps that the model sees.")
    horizon: Positive = Field(description="Steps that are predicted.")
    gap: Annotated[int, Field(ge=0)] = Field(0, description="Steps between the last one seen and the first predicted.")
    stride: Positive = Field(1, description="Steps from one window to the next; the last window ends with the series.")
    sort: bool = Field(False, description="Put the rows of each series into the order of time.")
    fill: Literal["forward", "linear", "zero"] | None = Field(
        None, description="What stands in for missing steps and empty cells; null to refuse them."
    )
    drop_short: bool = Field(False, description="Leave out series that are shorter than a window; else refuse them.")

    @property
    def span(self) -> int:
        """Steps of a window."""
        return self.past + self.gap + self.horizon

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A table with one column of regular times, whose other columns are numbers; or a bundled series."""
        bundled = asked.path is None and asked.given in reading.SERIES
        path = reading.SERIES[asked.given] if bundled else asked.file(".csv", ".parquet")
        encoding, why = ("", "") if path is None or is_columnar(path) else written_in(path)
        written = {"encoding": encoding} if encoding else {}
        found = None if path is None else find_series(path, asked.target, written)
        if path is None or found is None:
            return None
        where = {"bundled": asked.given} if bundled else {"path": str(path), **written}
        every, ahead = found.step.removeprefix("1 "), count(found.horizon, "step")
        of = f" of each series, which `{found.group}` names" if found.group else ""
        reason = f"a time series: `{found.time}` has a row for every {every}{of}, and all other columns are numbers; "
        reason += f"a forecast of {ahead} from {found.past}"
        reason += f", since {count(found.season, 'step')} are a season" if found.season > 1 else ""
        reason += f"; {why}" if why else ""
        settings: dict[str, Any] = {"kind": "timeseries", **where, "time": found.time, "targets": found.target}
        settings |= {"covariates": list(found.covariates)} if found.covariates else {}
        settings |= {"group": found.group} if found.group else {}
        settings |= {"past": found.past, "horizon": found.horizon}
        if not found.in_order:
            reason += "; the rows are sorted, since they do not stand in the order of time"
            settings["sort"] = True
        holes = [("missing step", found.missing), ("empty cell", found.empty)]
        if any(number for _, number in holes):
            found_holes = listed([count(number, what) for what, number in holes if number])
            reason += f"; {found_holes} repeat what stands before"
            settings["fill"] = "forward"
        doubt = "the rows may also be examples that stand for themselves"
        why = f"the steps of `{found.target}` after those that the network sees"
        return SourceGuess(0.95, settings, reason, target=FUTURE, why_target=why, predicts=found.target, doubt=doubt)

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The windows of every series, all of them in the split `train`.

        Raises:
            ConfigError: no such file or column, or dates that can be read in two ways.
            RunError: naming the series and the row that cannot be used.
        """
        times = {(*KEY, "time"): [self.time]} if self.time is not None else {}
        channels = {(*KEY, name): _listed(getattr(self, name)) for name in ("targets", "covariates", "known")}
        named: dict[Key, Collection[str]] = {**times, (*KEY, "group"): _listed(self.group), **channels}
        as_text = [] if self.time is None else [self.time]
        table, chosen = read_table(self._path(), named, as_text=as_text, **self.written())
        targets, covariates, known = (chosen[key] for key in channels)
        covariates = [name for name in covariates if name not in targets]
        every = list(dict.fromkeys([*targets, *covariates, *known]))
        series = read_series(
            table, every, time=self.time, groups=chosen[*KEY, "group"], format=self.time_format, sort=self.sort,
            fill=self.fill,
        )  # fmt: skip
        first = first_rows(series.starts, self.span, self.stride)
        notes = self._of_short(series)
        parts = {PAST: [*targets, *covariates], FUTURE: targets, **({KNOWN: known} if known else {})}
        values = {
            column: np.ascontiguousarray(series.values[:, [every.index(name) for name in names]])
            for column, names in parts.items()
        }
        ahead = (self.past + self.gap, self.horizon)
        columns = Columns(values, first, {PAST: (0, self.past), FUTURE: ahead, **({KNOWN: ahead} if known else {})})
        base = BaseRows(
            first,
            self.span,
            self.horizon,
            series.numbers,
            series.names,
            series.times,
            series.step.season,
            values,
            self.gap,
        )
        return SourceData(
            table.name, {"train": len(first)}, self._fields(len(targets), len(covariates), len(known)),
            {"train": columns}.__getitem__, notes=(*table.source.notes, *series.notes, *notes),
            place=_Places(series, base), fingerprint=self._fingerprint(table), span=self.span,
            base={"train": base}.__getitem__,
        )  # fmt: skip

    def describe(self) -> SourceData | None:
        """Its columns, as the settings have them; None where patterns stand for channels."""
        names = [_listed(given) for given in (self.targets, self.covariates, self.known)]
        if any(is_pattern(name) for some in names for name in some):
            return None
        targets, covariates, known = names
        more = [name for name in covariates if name not in targets]
        return SourceData(first_of(self._path()).name, {}, self._fields(len(targets), len(more), len(known)))

    def rules(self, config: Config) -> Iterator[Problem]:
        """A file or a bundled series, and columns that have one meaning each."""
        if (self.path is None) == (self.bundled is None):
            message = (
                "`path` and `bundled` both say what is read" if self.path else "neither `path` nor `bundled` is given"
            )
            key = (*KEY, "path") if self.path else KEY
            yield Problem("contradiction", message, key, label="give one of them")
        for name in ("covariates", "known"):
            both = [c for c in _listed(getattr(self, name)) if c in _listed(self.targets)]
            if both:
                message = f"`{both[0]}` is one of the targets, whose past the model sees already"
                if name == "known":
                    message = f"`{both[0]}` is one of the targets, and what is predicted is not known beforehand"
                yield Problem("contradiction", message, (*KEY, name), label="leave it out here")

    def _path(self) -> Any:
        return self.path if self.path is not None else str(reading.AIRLINE)

    def _fields(self, targets: int, covariates: int, known: int) -> dict[str, SourceField]:
        fields = {
            PAST: SourceField((self.past, targets + covariates), "float32", hint="sequence"),
            FUTURE: SourceField((self.horizon, targets), "float32", hint="forecast"),
        }
        return fields | ({KNOWN: SourceField((self.horizon, known), "float32", hint="sequence")} if known else {})

    def _fingerprint(self, table: LongTable) -> str:
        about = f"{self.model_dump_json(exclude={'path'})} {table.source.fingerprint}"
        return hashlib.sha256(about.encode()).hexdigest()

    def _of_short(self, series: Series) -> list[str]:
        """A note on series that are shorter than a window, where they may be left out.

        Raises:
            RunError: naming them, where they may not, or where there is no other.
        """
        short = np.flatnonzero(series.lengths < self.span)
        if not short.size:
            return []
        window = f"a window of {self.span:,} (past {self.past:,}, gap {self.gap:,}, horizon {self.horizon:,})"
        file, longest = series.table.name, int(series.lengths.max())
        help = "make `past`, `gap` or `horizon` smaller"
        if short.size == len(series.names):
            what = f"the series has {count(longest, 'step')}, fewer than {window}"
            if len(series.names) > 1:
                what = f"the longest of {short.size:,} series has {count(longest, 'step')}, fewer than {window}"
            raise table_problem(RunError, "series-too-short", f"{file}: {what}", (*KEY, "past"), help)
        names = ", ".join(f"`{series.names[n]}` ({count(int(series.lengths[n]), 'step')})" for n in short[:FEW])
        names += ", …" if short.size > FEW else ""
        what = f"{short.size:,} of {len(series.names):,} series are shorter than {window}: {names}"
        if not self.drop_short:
            help += ", or set `drop_short: true` to leave them out"
            raise table_problem(RunError, "series-too-short", f"{file}: {what}", (*KEY, "past"), help)
        return [f"{file}: left out, since {what}"]


class _Places:
    """Words for where a window is."""

    def __init__(self, series: Series, base: BaseRows) -> None:
        self._series, self._base = series, base

    def __call__(self, split: str, row: int) -> str:
        first = int(self._base.first[row])
        return self._series.place(first, first + self._base.span)


def _listed(given: Any) -> Sequence[str]:
    return [] if given is None else [given] if isinstance(given, str) else given
