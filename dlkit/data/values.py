"""Where values come from, and the checks that every kind makes of them: each names the first row that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dlkit.config.phrases import folded
from dlkit.config.problems import Key, Problem, RunError
from dlkit.data.parts import Part, numbers
from dlkit.mapped import converted
from dlkit.schema.features import Shape
from dlkit.schema.source import BaseRows, Unreadable

_CHUNK = 2**20
# What to do about rows with NaN.
FILL_IN = "fill them in before training, or leave such rows out with `data.clean: {drop: [missing]}`"


@dataclass(frozen=True)
class RowPlace:
    """The rows that some values are of.

    Attributes:
        split: train, validation or test.
        columns: names of the columns in the source, whose values lie side by side.
        pieces: what the split consists of.
        key: path of the input's or target's settings.
        words: a split of the source and the number of a row in it to words for where that is; None for its number.
        base_of: a split of the source to the base rows that its examples are cut from, where they are windows.
    """

    split: str
    columns: Sequence[str]
    pieces: Sequence[Part]
    key: Key
    words: Callable[[str, int], str] | None = None
    base_of: Callable[[str], BaseRows] | None = None

    def row(self, number: int) -> str:
        """Words for a row of the split: the source's own, or its number there, counted from 0."""
        for piece in self.pieces:
            if piece.size is None or number < piece.size:
                row = piece.row(number)
                return f"row {row} of `{piece.split}`" if self.words is None else self.words(piece.split, row)
            number -= piece.size
        raise IndexError(number)

    @property
    def column(self) -> str:
        """The column, or all of them."""
        return ", ".join(self.columns)

    def column_of(self, number: int, width: int) -> str:
        """The column that gives one value of a row of `width` values, counted from 0."""
        if len(self.columns) == width:
            return self.columns[number]
        return self.column if width == 1 else f"{self.column}[{number}]"

    def within(self, number: int, width: int) -> str:
        """Words for the column of that value of a row, as in " in `age`"; none where only one column is read."""
        return f" in `{self.columns[number]}`" if len(self.columns) == width > 1 else ""

    def base(self) -> Iterator[tuple[BaseRows, np.ndarray]]:
        """The base rows of each part, and the numbers of its examples; nothing where examples cover no base rows."""
        if self.base_of is not None:
            for part in self.pieces:
                yield self.base_of(part.split), numbers(part)

    def run_error(self, code: str, message: str, help: str, below: str = "") -> RunError:
        """The error for values of these rows; `below` is the setting that it concerns, where there is one."""
        key = (*self.key, below) if below else self.key
        return RunError(Problem(code, f"{self.split}: column `{self.column}`: {message}", key, help=help))

    def refuse_text(self, values: np.ndarray) -> None:
        """Refuse what holds no real numbers.

        Raises:
            RunError: saying what it holds.
        """
        if values.dtype.kind in "biuf" or values.dtype.name == "bfloat16":
            return
        text = values.dtype.kind in "STU"
        what = "text" if text else "Python objects" if values.dtype.kind == "O" else str(values.dtype)
        raise self.run_error("mixed-types", f"it holds {what}, not numbers", "give all splits values of one type")

    def finite(
        self, values: np.ndarray, dtype: str = "float32", *, nan_allowed: bool = False, help: str = FILL_IN
    ) -> np.ndarray:
        """The same as numbers of this type, in which NaN and infinity are refused.

        Args:
            values: first axis the rows; itself is returned where it is of that type.
            dtype: of the result.
            nan_allowed: whether NaN may stay, for what is missing or padding.
            help: what to do about NaN.

        Raises:
            RunError: counting the rows, and naming the first.
        """
        with np.errstate(over="ignore"):  # what became infinite is looked for next
            cast = converted(values, dtype)
        self.refuse_not_finite(cast, values, nan_allowed=nan_allowed, help=help)
        return cast

    def refuse_not_finite(
        self, values: np.ndarray, original: np.ndarray | None = None, *, nan_allowed: bool = False, help: str = FILL_IN
    ) -> None:
        """Refuse NaN and infinity.

        Args:
            values: first axis the rows.
            original: the same before they became float32, where one may have been only too large for it.
            nan_allowed: whether NaN may stay, for what is missing or padding.
            help: what to do about NaN.

        Raises:
            RunError: counting the rows, and naming the first.
        """
        if values.dtype.kind != "f":
            return
        original = values if original is None else original

        def right(part: np.ndarray) -> np.ndarray:
            finite: np.ndarray = np.isfinite(part)
            return finite | np.isnan(part) if nan_allowed else finite

        # A part at a time: to reshape a view of windows is to copy it.
        rows = max(1, _CHUNK // max(1, values[:1].size))
        parts = ((start, right(values[start : start + rows])) for start in range(0, len(values), rows))
        wrong = [start + np.flatnonzero(~part.reshape(len(part), -1).all(axis=1)) for start, part in parts]
        numbers = np.concatenate([*wrong, np.empty(0, np.int64)])
        if not numbers.size:
            return
        first = values[numbers[0]].reshape(-1)
        at = int(np.flatnonzero(~right(first))[0])
        value = f"{first[at]}{self.within(at, len(first))}"
        what = "NaN or infinity"
        if np.isfinite(np.asarray(original[numbers[0]], np.float64)).all():
            what = "numbers too large for float32"
        message = f"{len(numbers):,} of {len(values):,} rows hold {what}; the first is {self.row(numbers[0])} ({value})"
        if not np.isnan(first[at]) and self.key[1] in ("inputs", "targets"):
            help = "correct them, or leave such rows out with a range under `data.clean.ranges`"
        raise self.run_error("not-finite", message, help)

    def alike(self, values: Iterable[str], column: str) -> list[str]:
        """The line about texts of a column that differ in capitals or spaces alone, where there are any."""
        by_letters: dict[str, list[str]] = {}
        for value in values:
            by_letters.setdefault(folded(value), []).append(value)
        several = [same for same in by_letters.values() if len(same) > 1]
        if not several:
            return []
        listed = ", ".join(f"`{value}`" for value in several[0])
        more = f", and {len(several) - 1:,} more such groups" if len(several) > 1 else ""
        return [
            f"{self.split}: `{column}` has {listed}, which differ in capitals or spaces alone and count as different"
            f"{more}: make them one in the source if they are"
        ]

    def same_shape(self, values: np.ndarray, expected: Shape) -> None:
        """Refuse examples of another shape than expected; an axis of one channel may be missing, or be too many.

        Raises:
            RunError: naming both shapes.
        """
        found = values.shape[1:]
        if found in (expected, (*expected, 1)) or (*found, 1) == expected:
            return
        if len(found) == len(expected) and all(e in (None, f) for e, f in zip(expected, found, strict=True)):
            return
        message = f"examples have the shape {list(found)}, and {list(expected)} is expected"
        raise self.run_error("shape-mismatch", message, "give all splits examples of one shape")

    def as_text(self, values: np.ndarray) -> np.ndarray:
        """Text as NumPy's own type, of the same shape; bytes are UTF-8.

        Raises:
            RunError: naming the first row that holds something else than text.
        """
        if values.dtype.kind == "O":
            flat = values.reshape(-1).tolist()
            if set(map(type, flat)) <= {str}:
                return np.array(flat, dtype=str).reshape(values.shape)
            for number, value in enumerate(flat):
                if not isinstance(value, str | bytes):
                    width = np.size(values[0])
                    row, where = number // width, self.within(number % width, width)
                    empty = value is None or (isinstance(value, float) and np.isnan(value))
                    help = (
                        'give what is missing a word of its own, such as "none", or leave such rows out with '
                        "`data.clean: {drop: [missing]}`"
                        if empty
                        else "give text alone"
                    )
                    message = f"{self.row(row)} holds {value!r} ({type(value).__name__}) among text{where}"
                    raise self.run_error("mixed-types", message, help)
            texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in flat]
            return np.array(texts, dtype=str).reshape(values.shape)
        return (
            np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values.astype(str, copy=False)
        )


def missing(values: np.ndarray) -> np.ndarray:
    """Rows in which a value is NaN, None or an empty text: bool, shape (examples,)."""
    flat = values.reshape(len(values), -1)
    if values.dtype.kind == "f":
        wrong = np.isnan(flat)
    elif values.dtype.kind in "SUT":
        wrong = flat == flat.dtype.type("")
    elif values.dtype.kind == "O":
        wrong = np.frompyfunc(lambda x: x is None or x in ("", b"") or x != x, 1, 1)(flat).astype(bool)
    else:
        return np.zeros(len(values), bool)
    return np.asarray(wrong.any(axis=1))


def unreadable(values: np.ndarray) -> np.ndarray:
    """Rows whose value is `Unreadable`: bool, shape (examples,)."""
    if values.dtype != object:
        return np.zeros(len(values), bool)
    return np.fromiter((isinstance(value, Unreadable) for value in values), bool, len(values))
