"""Text of Arrow's as NumPy's: short texts of fixed width, longer ones as objects; those that repeat are one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlkit.lazy import lazy
from dlkit.mapped import LIMIT, Growing, empty, parts

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pa, pc = lazy("pyarrow"), lazy("pyarrow.compute")

# Characters of a text that is stored with fixed width: NumPy takes 4 bytes for each.
SHORT = 32
# Values of which fewer than one in this many differ are stored as numbers of them.
SHARED, FEW = 2, 100


class Texts:
    """A column of text in one split or several, while it is read. What is missing becomes the empty text."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Begin without any.

        Args:
            limit: bytes of numbers that are held in memory.
        """
        self._limit = limit
        self._rows = self._longest = 0
        # As numbers of different values, as long as they repeat.
        self._known: dict[str, int] | None = {}
        self._numbers: dict[str, Growing] = {}
        self._plain: dict[str, list[Any]] = {}

    def add(self, split: str, cells: Any) -> None:
        """Add strings of Arrow's, null where one is missing."""
        cells = cells.fill_null("")
        self._rows += len(cells)
        if self._known is not None:
            encoded = cells.dictionary_encode()
            if len(cells) < FEW or len(encoded.dictionary) * SHARED <= len(cells):
                self._add_numbers(split, encoded)
                if self._rows >= FEW and len(self._known) * SHARED > self._rows:
                    self._as_they_are()
                return
            self._as_they_are()
        self._longest = max(self._longest, pc.max(pc.utf8_length(cells)).as_py() or 0)
        self._plain.setdefault(split, []).append(cells)

    @property
    def why_not_mapped(self) -> str:
        """Why numbers are held in memory although they are many; empty where they are not."""
        return next((growing.why_not_mapped for growing in self._numbers.values() if growing.why_not_mapped), "")

    def array(self, split: str) -> Any:
        """The texts of a split: NumPy's own type, or objects of `str`. What they are made of is given up."""
        fixed = self._longest <= SHORT
        if self._known is None:
            return self._of_strings(self._plain.pop(split, []), self._longest if fixed else 0)
        numbers = self._numbers.pop(split, Growing(0)).array(np.int32)
        values = np.array(list(self._known), str if fixed else object)
        found = empty(numbers.shape, values.dtype, self._limit)
        for part in parts(found):
            np.take(values, numbers[part], out=found[part], mode="clip")
        return found

    def _add_numbers(self, split: str, encoded: Any) -> None:
        assert self._known is not None
        known, before = self._known, len(self._known)
        found = [known.setdefault(value, len(known)) for value in encoded.dictionary.to_pylist()]
        if len(known) > before:
            self._longest = max(self._longest, max(map(len, encoded.dictionary.to_pylist())))
        numbers = np.array([*found, 0], np.int32)[encoded.indices.to_numpy()]
        self._numbers.setdefault(split, Growing(self._limit)).add(numbers)

    def _as_they_are(self) -> None:
        """Store values themselves, since they hardly repeat."""
        texts, self._known = pa.array(list(self._known or ()), pa.string()), None
        for split, growing in self._numbers.items():
            numbers = growing.array(np.int32)
            self._plain[split] = [texts.take(pa.array(numbers[part])) for part in parts(numbers)]
        self._numbers.clear()

    def _of_strings(self, chunks: list[Any], width: int) -> Any:
        """Strings of Arrow's as text of this width, or as objects where that is 0."""
        if not width:
            return np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in chunks] or [np.empty(0, object)])
        found, start = empty((sum(map(len, chunks)),), f"U{width}", self._limit), 0
        while chunks:
            chunk = chunks.pop(0)
            found[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
            start += len(chunk)
        return found


def text_of(values: Any) -> Any:
    """An array of strings of Arrow's as text."""
    texts = Texts()
    texts.add("", values)
    return texts.array("")


def trimmed(values: Any) -> Any:
    """A column of NumPy's as text without spaces around it, an array of Arrow's; what is missing is the empty text."""
    values = values.astype(str) if values.dtype.kind == "O" else values
    texts = pc.cast(pa.array(values, from_pandas=True), pa.string())
    return pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
