"""Where values come from, and the checks that every kind makes of them: each names the first row that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dlkit.config.problems import Key, Problem, RunError
from dlkit.schema.features import Shape
from dlkit.schema.source import BaseRows, Piece

_CHUNK = 2**20


@dataclass(frozen=True)
class RowPlace:
    """The rows that some values are of.

    Attributes:
        split: train, validation or test.
        column: name of the column, or columns, in the source.
        pieces: what the split consists of.
        key: path of the input's or target's settings.
        words: a split of the source and the number of a row in it to words for where that is; None for its number.
    """

    split: str
    column: str
    pieces: Sequence[Piece]
    key: Key
    words: Callable[[str, int], str] | None = None

    def row(self, number: int) -> str:
        """Words for a row of the split: the source's own, or its number there, counted from 0."""
        for piece in self.pieces:
            if piece.size is None or number < piece.size:
                row = piece.start + number
                return f"row {row} of `{piece.split}`" if self.words is None else self.words(piece.split, row)
            number -= piece.size
        raise IndexError(number)

    def base(self) -> Iterator[tuple[BaseRows, slice]]:
        """The base rows of each piece, and which examples of its split it has; nothing where no base rows are known."""
        of: Callable[[str], BaseRows] | None = getattr(self.words, "base", None)
        if of is not None:
            for piece in self.pieces:
                yield of(piece.split), slice(piece.start, piece.stop)

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

    def refuse_not_finite(self, values: np.ndarray, original: np.ndarray | None = None, *, help: str = "") -> None:
        """Refuse NaN and infinity.

        Args:
            values: first axis the rows.
            original: the same before they became float32, where one may have been only too large for it.
            help: what to do about NaN, where there is something better than to remove the rows.

        Raises:
            RunError: counting the rows, and naming the first.
        """
        if values.dtype.kind != "f":
            return
        original = values if original is None else original
        flat = values.reshape(len(values), -1)
        rows = max(1, _CHUNK // max(1, flat.shape[1]))
        wrong = [
            start + np.flatnonzero(~np.isfinite(flat[start : start + rows]).all(axis=1))
            for start in range(0, len(flat), rows)
            if not np.isfinite(flat[start : start + rows]).all()
        ]
        if not wrong:
            return
        numbers = np.concatenate(wrong)
        first = flat[numbers[0]]
        value = first[~np.isfinite(first)][0]
        what = "NaN or infinity"
        if np.isfinite(np.asarray(original[numbers[0]], np.float64)).all():
            what = "numbers too large for float32"
        message = f"{len(numbers):,} of {len(values):,} rows hold {what}; the first is {self.row(numbers[0])} ({value})"
        help = help if help and np.isnan(value) else "remove those rows or fill them in before training"
        raise self.run_error("not-finite", message, help)

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
            for number, value in enumerate(flat):
                if not isinstance(value, str | bytes):
                    row = number // max(1, values[0].size if values.ndim > 1 else 1)
                    missing = value is None or (isinstance(value, float) and np.isnan(value))
                    help = 'give what is missing a word of its own, such as "none"' if missing else "give text alone"
                    message = f"{self.row(row)} holds {value!r} ({type(value).__name__}) among text"
                    raise self.run_error("mixed-types", message, help)
            texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in flat]
            return np.array(texts, dtype=str).reshape(values.shape)
        return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values.astype(str)
