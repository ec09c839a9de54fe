"""Fields of text files as columns: numbers where every field of the column is one, else text.

Text is kept as it stands; only the empty field is missing in it, and words that the settings name. Numbers know more
words for what is missing. A whole column is text as soon as one field is no number, or is a code such as `01234`, whose
zero a number would lose.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dlkit.lazy import lazy
from dlkit.mapped import LIMIT, Growing
from dlkit.sources._texts import Texts

np, pa, pc = lazy("numpy"), lazy("pyarrow"), lazy("pyarrow.compute")

# What stands for a missing number in files that other tools write, beside the empty field.
MISSING = (
    "NA", "N/A", "n/a", "na", "<NA>", "#N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "Null", "null", "None",
    "none", "1.#QNAN", "-1.#IND",
)  # fmt: skip
# A float64 holds every whole number up to here.
EXACT = 2**53
# Fields that are tried before all of them.
FIRST = 8
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d{16,}")


@dataclass
class Cells:
    """One column while its files are read.

    Attributes:
        name: of the column.
        kind: what the settings say it is; None where its fields decide.
        words: what stands for a missing field in text too.
        decimal: the decimal mark.
        numbers: whether every field was a number so far.
        whole: whether every field was a whole number, none of them missing.
        first_text: the file, number of the row there, and field that is no number; None as long as there is none.
        missing: how often each word stood for a missing field.
        limit: bytes of each split that are held in memory.
    """

    name: str
    kind: Literal["number", "text"] | None
    words: Sequence[str]
    numbers: bool = True
    whole: bool = True
    first_text: tuple[Path, int, str] | None = None
    missing: Counter[str] = field(default_factory=Counter)
    limit: int = LIMIT

    def __post_init__(self) -> None:
        self._grown: dict[str, Growing] = {}
        self._texts = Texts(self.limit)
        self.numbers = self.kind != "text"
        self._known = pa.array(list(dict.fromkeys([*MISSING, "", *self.words])), pa.string())
        self._stated = pa.array(list(dict.fromkeys(self.words)), pa.string())
        self._long: tuple[Path, int, str] | None = None
        self._large = False

    def add(self, split: str, cells: Any, decimal: str, file: Path, start: int) -> None:
        """Add the fields of some rows.

        Args:
            split: that they belong to.
            cells: strings of Arrow's, null where a field is empty.
            decimal: the decimal mark of their file.
            file: that they are of.
            start: number of the first row there.
        """
        if self.numbers:
            found = self._as_numbers(cells, decimal)
            if not isinstance(found, int):
                self.whole = self.whole and found.dtype.kind == "i"
                self._note_long(cells, found, file, start)
                self._grown.setdefault(split, Growing(self.limit)).add(found)
                return
            self.first_text = (file, start + found, cells[found].as_py())
            self.numbers = False
            self.missing.clear()
        if self.mixed:
            return
        if len(self._stated):
            cells = self._without(cells, self._stated)
        self._texts.add(split, cells)

    def plain_type(self, cells: Any) -> Any:
        """The type of Arrow's in which `add_numbers` takes this column, as far as these strings say; None for none."""
        if self.kind is not None or len(self._stated) or not self.numbers or not len(cells):
            return None
        found = self._cast(cells, ".")
        return None if found is None else pa.int64() if found.dtype.kind == "i" else pa.float64()

    def add_numbers(self, split: str, cells: Any) -> bool:
        """Add the fields of some rows that Arrow has read as numbers; False where they have to be read as text."""
        found = cells.to_numpy(zero_copy_only=False)
        self.whole = self.whole and found.dtype.kind == "i"
        if len(found) and not (found.max() < EXACT and found.min() > -EXACT):
            if found.dtype.kind == "f" and np.count_nonzero(np.isnan(found)) > cells.null_count:
                return False  # words for what is missing are counted
            self._large = self._large or bool(((found >= EXACT) | (found <= -EXACT)).any())
        self._grown.setdefault(split, Growing(self.limit)).add(found)
        return not cells.null_count or cells.type == pa.float64()

    @property
    def in_doubt(self) -> bool:
        """Whether numbers that were not seen as text may be whole ones that a float does not hold."""
        return self._large and not self.whole

    def again_as_text(self) -> Cells:
        """The same column, to be read again as text."""
        return Cells(self.name, "text", self.words, first_text=self.first_text, limit=self.limit)

    @property
    def mixed(self) -> bool:
        """Whether some of it was read as numbers before a field turned out to be text."""
        return not self.numbers and bool(self._grown)

    def finish(self) -> None:
        """Make text of whole numbers that would lose digits, since others in the column are no whole numbers.

        A column that is `mixed` afterwards must be read again.
        """
        if self.numbers and self.kind is None and not self.whole and self._long is not None:
            self.numbers, self.first_text = False, self._long

    @property
    def dtype(self) -> str:
        """Its type in NumPy's words, or `string`."""
        return "string" if not self.numbers else "int64" if self.whole else "float64"

    @property
    def why_not_mapped(self) -> str:
        """Why it is held in memory although it is large; empty where it is not."""
        return next(
            (growing.why_not_mapped for growing in self._grown.values() if growing.why_not_mapped),
            self._texts.why_not_mapped,
        )

    def array(self, split: str) -> Any:
        """The column in a split: int64, float64 or text. What it is made of is given up."""
        return self._grown.pop(split).array(self.dtype) if self.numbers else self._texts.array(split)

    # From text to numbers.

    def _as_numbers(self, cells: Any, decimal: str) -> Any:
        """Numbers of NumPy's, NaN where a field is missing; or the place of the first field that is none."""
        found = self._cast(cells, decimal)
        if found is None:
            cells = self._without(pc.utf8_trim_whitespace(cells), self._known)
            found = self._cast(cells, decimal)
        return self._first_text(cells, decimal) if found is None else self._without_stated(found)

    def _without_stated(self, numbers: Any) -> Any:
        """Numbers with NaN in place of those that stand for what is missing, such as -999, which are counted."""
        stated = {float(word): word for word in self.words if _NUMBER.fullmatch(word)}
        if not stated:
            return numbers
        found, counts = np.unique(numbers[np.isin(numbers, list(stated))], return_counts=True)
        self.missing.update(
            {stated[value]: count for value, count in zip(found.tolist(), counts.tolist(), strict=True)}
        )
        return np.where(np.isin(numbers, found), np.nan, numbers) if found.size else numbers

    def _note_long(self, cells: Any, numbers: Any, file: Path, start: int) -> None:
        """Remember the first whole number that a float does not hold exactly."""
        if self._long is not None or not len(numbers) or (numbers.max() < EXACT and numbers.min() > -EXACT):
            return  # with NaN among them, each is looked at
        for number in np.flatnonzero(np.abs(numbers) >= EXACT).tolist():
            value = cells[number].as_py().strip()
            if _WHOLE.fullmatch(value):
                self._long = (file, start + number, value)
                return

    def _cast(self, cells: Any, decimal: str) -> Any:
        """Numbers of NumPy's; None where a field is none."""
        if decimal != ".":
            if pc.any(pc.match_substring(cells, ".")).as_py():
                return None
            cells = pc.replace_substring(cells, decimal, ".")
        if _has_codes(cells) if self.kind is None else pc.any(pc.match_substring(cells, "x")).as_py():
            return None  # Arrow would read 0x10 as 16
        if self.whole and not cells.null_count and len(cells):
            found = _parsed(cells, pa.int64())
            if found is not None:
                return found
        return _parsed(cells, pa.float64())

    def _first_text(self, cells: Any, decimal: str) -> int:
        """The place of the first field that is no number: among these fields there is one."""
        start, stop = 0, 1
        while self._cast(cells.slice(start, stop - start), decimal) is not None:
            start, stop = stop, min(2 * stop, len(cells))
        while stop - start > 1:
            middle = (start + stop) // 2
            if self._cast(cells.slice(start, middle - start), decimal) is None:
                stop = middle
            else:
                start = middle
        return start

    def _without(self, cells: Any, words: Any) -> Any:
        """The fields with null in place of some words, which are counted."""
        fits = pc.is_in(cells, value_set=words)
        if not pc.any(fits).as_py():
            return cells
        counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(cells.filter(fits)).to_pylist()}
        self.missing.update({word: count for word, count in counts.items() if word})
        return pc.if_else(fits, pa.scalar(None, pa.string()), cells)


def _parsed(cells: Any, kind: Any) -> Any:
    """Numbers of NumPy's, NaN where a field is missing; None where a field is none.

    Arrow makes a message for each field that is none, which takes far longer than reading numbers: so a few come first.
    """
    try:
        if len(cells) > FIRST:
            cells.slice(0, FIRST).cast(kind)
        return cells.cast(kind).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None


def _has_codes(cells: Any) -> bool:
    """Whether some field is a code, such as `01234`.

    Reads Arrow's buffers: a pattern for each field would take as long as reading the file.
    """
    count, offset = len(cells), cells.offset
    _, positions, content = cells.buffers()
    if not count or content is None or not content.size:
        return False
    ends = np.frombuffer(positions, np.int32)[offset : offset + count + 1].astype(np.intp)
    text = np.frombuffer(content, np.uint8)
    first = text.take(ends[:-1], mode="clip")
    digits = ends[:-1] + ((first == ord("-")) | (first == ord("+")))
    after = text.take(digits + 1, mode="clip")
    zero = (text.take(digits, mode="clip") == ord("0")) & (digits + 1 < ends[1:])
    return bool(np.any(zero & (after != ord(".")) & (after != ord("e")) & (after != ord("E"))))


def has_nul(cells: Any) -> bool:
    """Whether some field holds a NUL."""
    _, positions, content = cells.buffers()
    if content is None or not len(cells):
        return False
    end = np.frombuffer(positions, np.int32)[cells.offset + len(cells)]
    return bool(np.frombuffer(content, np.uint8)[:end].min(initial=1) == 0)
