"""From characters of texts to ids of words, in integer arithmetic that NumPy and Keras do alike.

The host stage of training does it with NumPy, the saved model with the same functions of `keras.ops`, which plain Keras
opens. All of it is exact, so both give the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlkit.inputs import _characters as characters
from dlkit.inputs._characters import ALONE, DROPPED, LETTER, MARK, UNKNOWN
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

ops, layers = lazy("keras.ops"), lazy("keras.layers")

PADDING, UNKNOWN_WORD, FIRST = 0, 1, 2
_FAR = 2**30  # beyond any position in a text
_TAG = frozenset("/!?abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Rules:
    """How texts are taken apart.

    Attributes:
        letters: what the characters of the training texts stand for.
        lowercase: whether capitals stand for small letters.
        by_character: whether every letter is a word of its own.
        html: whether tags such as `<br />` are left out.
    """

    letters: str
    lowercase: bool = True
    by_character: bool = False
    html: bool = False


class Words:
    """Where words end in texts, and their numbers.

    Args:
        rules: how texts are taken apart.
    """

    def __init__(self, rules: Rules) -> None:
        self.html = rules.html
        rows = characters.table(rules.letters, lowercase=rules.lowercase, by_character=rules.by_character)
        # 0 is padding, 1 a character that is not in the table, as in Keras's lookups.
        self.texts = [row.text for row in rows]
        self.stands_for = ["", "", *(row.stands_for for row in rows)]
        self.kinds = np.array([0, ALONE, *(row.kind for row in rows)], np.int32)
        known = [characters.part_of(row.stands_for) for row in rows]
        self.parts = _int64([0, characters.unknown_part(), *known])
        lengths = [0, 1, *(len(row.stands_for) for row in rows)]
        self.powers = _int64([pow(characters.INVERSE, length, 2**64) for length in lengths])
        self.inverses = _int64([pow(characters.BASE, length, 2**64) for length in lengths])
        self.tags = np.array([False, False, *(row.text in _TAG for row in rows)])
        self.opening, self.closing = (self.texts.index(bracket) + FIRST for bracket in "<>")
        self._by_code = np.full(UNKNOWN + 1, 1, np.int32)
        self._by_code[[ord(text) for text in self.texts]] = np.arange(FIRST, len(self.texts) + FIRST)

    def of_codes(self, texts: np.ndarray) -> np.ndarray:
        """Texts as numbers of their characters in the table: int32, shape (texts, characters of the longest)."""
        held = np.ascontiguousarray(texts, dtype=str)
        if not held.dtype.itemsize:
            return np.zeros((len(held), 0), np.int32)
        found = self._by_code[held.view(np.uint32).reshape(len(held), -1)]
        found[np.arange(found.shape[1]) >= np.strings.str_len(held)[:, np.newaxis]] = PADDING
        return found

    def without_tags(self, xp: Any, x: Any) -> Any:
        """Characters with 0 in the place of tags. The last column must be 0.

        Args:
            xp: NumPy, or `keras.ops`.
            x: numbers of characters, shape (texts, characters).
        """
        if not self.html:
            return x
        opens, closes = xp.equal(x, self.opening), xp.equal(x, self.closing)
        starts = xp.logical_and(opens, xp.take(self.tags, _next(xp, x, 1)))
        brackets = xp.logical_or(opens, closes)
        position = _positions(xp, x)
        places = xp.sort(xp.where(brackets, position, _FAR), axis=1)
        count = xp.cumsum(_int32(brackets), axis=1)
        last = xp.take_along_axis(places, xp.maximum(count - 1, 0), axis=1)
        following = xp.take_along_axis(places, count - _int32(brackets), axis=1)

        def at(flags: Any, places: Any) -> Any:
            found = xp.take_along_axis(_int32(flags), xp.where(places < _FAR, places, 0), axis=1)
            return xp.logical_and(found > 0, places < _FAR)

        inside = xp.logical_and(at(starts, last), at(closes, following))
        return xp.where(xp.logical_and(inside, last <= position), 0, x)

    def ends(self, xp: Any, x: Any) -> Any:
        """Whether a word ends with a character: bool, three characters fewer than `x`, which ends with three 0."""
        kinds = xp.take(self.kinds, x)
        kind, after, second, third = kinds[:, :-3], kinds[:, 1:-2], kinds[:, 2:-1], kinds[:, 3:]
        after = xp.where(xp.equal(after, DROPPED), xp.where(xp.equal(second, DROPPED), third, second), after)
        joins = xp.logical_and(xp.logical_and(kind > 0, kind <= MARK), xp.equal(after, LETTER))
        content = xp.logical_and(kind > 0, kind < DROPPED)
        return xp.logical_and(content, xp.logical_not(xp.logical_or(joins, xp.equal(after, MARK))))

    def numbers(self, xp: Any, x: Any, length: int) -> tuple[Any, Any]:
        """The numbers of the first words of texts, and which there are.

        Args:
            xp: NumPy, or `keras.ops`.
            x: numbers of characters, shape (texts, characters), without padding at the end.
            length: words of each text.

        Returns:
            int64 and bool, shape (texts, length).
        """
        if isinstance(x, np.ndarray):
            return self._numbers_of_array(x, length)
        x = self.without_tags(xp, xp.pad(x, [[0, 0], [0, length + 3]]))
        ends = self.ends(xp, x)
        x = x[:, :-3]
        power = xp.cumprod(xp.take(self.powers, x), axis=1)
        inverse = xp.cumprod(xp.take(self.inverses, x), axis=1)
        total = xp.cumsum(xp.take(self.parts, x) * power, axis=1)
        places = xp.sort(xp.where(ends, _positions(xp, x), _FAR), axis=1)[:, :length]
        there = places < _FAR
        places = xp.where(there, places, 0)
        total = xp.take_along_axis(total, places, axis=1)
        inverse = xp.take_along_axis(inverse, places, axis=1)
        before = xp.pad(total[:, :-1], [[0, 0], [1, 0]])
        scale = xp.pad(inverse[:, :-1], [[0, 0], [1, 0]], constant_values=1)
        return (total - before) * scale, there

    def placed(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Texts in one row, so that short ones take no room of long ones, and where words end in it.

        Args:
            x: numbers of characters, shape (texts, characters), 0 at the end of a text.

        Returns:
            The numbers of their characters, three 0 after each text; where in it each text begins, and the row ends;
            where each word ends; and how many words each text has.
        """
        sizes = np.count_nonzero(x, axis=1) + 3
        x = self.without_tags(np, np.pad(x, [(0, 0), (0, 3)]))
        row = x[np.arange(x.shape[1]) < sizes[:, np.newaxis]]
        begins = np.concatenate([[0], np.cumsum(sizes)])
        places = np.flatnonzero(self.ends(np, row[np.newaxis])[0])
        return row, begins, places, np.diff(np.searchsorted(places, begins))

    def _numbers_of_array(self, x: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """`numbers` with all texts in one row: powers go on from text to text, and cancel out."""
        row, begins, places, counts = self.placed(x)
        power, inverse = np.cumprod(self.powers[row]), np.cumprod(self.inverses[row])
        total = np.cumsum(self.parts[row] * power)
        first = np.cumsum(counts) - counts
        before = np.concatenate([[0], places[:-1] + 1])[: len(places)]  # the place after the word before
        before[first[counts > 0]] = begins[:-1][counts > 0]
        total, inverse = (np.concatenate([[start], x]) for start, x in ((0, total), (1, inverse)))
        found = (total[places + 1] - total[before]) * inverse[before]
        texts = np.repeat(np.arange(len(counts)), counts)
        columns = np.arange(len(places)) - first[texts]
        kept = columns < length
        at = texts[kept], columns[kept]
        numbers, there = np.zeros((len(x), length), np.int64), np.zeros((len(x), length), bool)
        numbers[at], there[at] = found[kept], True
        return numbers, there


class Tokenizer:
    """From raw texts to ids: 0 is padding, 1 a word that is not in the vocabulary.

    Unknown n-grams of several words are left out.

    Args:
        name: of the input.
        words: how texts are taken apart.
        terms: the vocabulary, words and n-grams with spaces between their words; their ids count from 2.
        length: words of each text; the others are cut off.
        ngrams: words of the longest n-gram.
        limit: characters of each text that are looked at.
    """

    def __init__(self, name: str, words: Words, terms: Sequence[str], length: int, ngrams: int, limit: int) -> None:
        self.words, self.length, self.ngrams, self.limit = words, length, ngrams, limit
        numbers = _int64([characters.term_number(term) for term in terms])
        order = np.argsort(numbers)
        self.sorted, self.ids = numbers[order], (order + FIRST).astype(np.int32)
        self.layer = layers.TextVectorization(
            standardize=None, split="character", vocabulary=words.texts, name=f"{name}_characters"
        )

    def __call__(self, x: Any) -> Any:
        """Texts, shape (batch,), as int32 ids, shape (batch, length * ngrams): words, then pairs, then triples."""
        if isinstance(x, np.ndarray):
            return self._ids(np, self.words.of_codes(x)[:, : self.limit])
        return self._ids(ops, self.layer(x)[:, : self.limit])

    def _ids(self, xp: Any, x: Any) -> Any:
        numbers, there = self.words.numbers(xp, x, self.length)
        found = [self._looked_up(xp, numbers, there, UNKNOWN_WORD)]
        for several, all_there in joined(xp, numbers, there, self.ngrams):
            found.append(self._looked_up(xp, several, all_there, PADDING))
        return found[0] if len(found) == 1 else xp.concatenate(found, axis=1)

    def _looked_up(self, xp: Any, numbers: Any, there: Any, unknown: int) -> Any:
        place = xp.searchsorted(self.sorted, xp.reshape(numbers, (-1,)))  # TensorFlow's takes one row
        place = xp.minimum(xp.reshape(place, (-1, self.length)), len(self.sorted) - 1)
        known = xp.equal(xp.take(self.sorted, place), numbers)
        return _int32(xp.where(there, xp.where(known, xp.take(self.ids, place), unknown), PADDING))


def joined(xp: Any, numbers: Any, there: Any, ngrams: int) -> Any:
    """The numbers of pairs, of triples, and so on, that begin with each word, and which there are."""
    joined, all_there = numbers, there
    for further in range(1, ngrams):
        following = xp.pad(numbers[:, further:], [[0, 0], [0, further]])
        all_there = xp.logical_and(all_there, xp.pad(there[:, further:], [[0, 0], [0, further]]))
        joined = joined * _int64([characters.JOIN])[0] + following + 1
        yield joined, all_there


def _next(xp: Any, x: Any, distance: int) -> Any:
    """What follows each character."""
    return xp.pad(x[:, distance:], [[0, 0], [0, distance]])


def _positions(xp: Any, x: Any) -> Any:
    """The number of each column, from 0, in the shape of `x`."""
    return xp.cumsum(xp.ones_like(x, dtype="int32"), axis=1) - 1


def _int32(x: Any) -> Any:
    return x.astype(np.int32) if isinstance(x, np.ndarray) else ops.cast(x, "int32")


def _int64(numbers: Sequence[int]) -> np.ndarray:
    """Numbers of 64 bits."""
    return np.array(list(characters.signed(numbers)), np.int64)
