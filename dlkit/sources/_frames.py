"""Data frames given in Python: of pandas, polars, Arrow, and whatever else narwhals takes."""

from __future__ import annotations

from typing import Any

from dlkit.config.causes import first_line
from dlkit.config.problems import Problem, RunError
from dlkit.lazy import lazy
from dlkit.sources._arrow import Column, UnreadableError, column_of

nw, pa = lazy("narwhals"), lazy("pyarrow")

_KEY = ("data",)


class Frame:
    """A data frame, whose columns are read by name.

    Args:
        frame: of narwhals.
        split: that it is given for.
    """

    def __init__(self, frame: Any, split: str) -> None:
        self._frame, self._split = frame, split
        self.names: list[str] = list(frame.columns)

    def __len__(self) -> int:
        return len(self._frame)

    def column(self, name: str) -> Column:
        """One column.

        Raises:
            RunError: for values that Arrow or no array holds, naming the column.
        """
        return series_column(self._frame.get_column(name), self._split, name)


def frame_of(value: Any, split: str) -> Frame | None:
    """A data frame; None for anything else. A lazy one is collected.

    Raises:
        RunError: for a frame that cannot be collected, or has two columns of one name.
    """
    try:
        found = nw.from_native(value, pass_through=True)
        if isinstance(found, nw.LazyFrame):
            found = found.collect()
    except Exception as error:
        message = f"the data frame of split `{split}` cannot be read: {first_line(error)}"
        raise RunError(Problem("given-data", message, _KEY, help="give every column its own name, a text")) from error
    return Frame(found, split) if isinstance(found, nw.DataFrame) else None


def series_of(value: Any) -> Any:
    """A series of narwhals's; None for anything else."""
    found = nw.from_native(value, pass_through=True, allow_series=True)
    return found if isinstance(found, nw.Series) else None


def series_column(series: Any, split: str, name: str) -> Column:
    """A series as a column; see `Frame.column`."""
    try:
        return column_of(series.to_arrow())
    except UnreadableError as error:
        message = f"column `{name}` of split `{split}`: {error}"
        raise RunError(Problem("field-type", message, _KEY, help=error.help)) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        message = f"column `{name}` of split `{split}` holds values of several types ({first_line(error)})"
        help = "give it one type, as in `df[name].astype(str)`"
        raise RunError(Problem("mixed-types", message, _KEY, help=help)) from error
