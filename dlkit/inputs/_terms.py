"""What texts are made of: their characters, how many words they have, and which terms are the most frequent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dlkit.inputs import _characters as characters
from dlkit.inputs._tokens import Rules, Words, joined
from dlkit.lazy import lazy
from dlkit.schema.base import Text
from dlkit.schema.fitted import Fitted, Size

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

# Texts that are looked at in one go, and characters, with those that fill up the shorter ones.
ROWS, CHARACTERS = 512, 2**20
TAG = re.compile(r"<[/!?a-zA-Z][^<>]*>")
# Of texts up to this many words the longest decides on the length; else the 95th percentile, up to the second number.
ALL_OF, MOST = 128, 1024


class Terms(Fitted):
    """The terms that the network knows, the most frequent first, and how texts are taken apart into them.

    Attributes:
        vocabulary: words, and several of them with spaces between; their ids count from 2.
        counts: how often each occurs in the training rows.
        length: words of each text.
        characters: of each text that are looked at.
        letters: what the characters of the training texts stand for.
        by_character: whether every letter is a word.
        html: whether tags are left out.
        width: numbers of each vector that embeddings begin with; None where they begin at random.
    """

    vocabulary: Annotated[list[Text], Field(min_length=1)]
    counts: list[Size]
    length: Size
    characters: Size
    letters: str
    by_character: bool
    html: bool
    width: Size | None = None


@lru_cache(maxsize=4)
def words_by(rules: Rules) -> Words:
    """The table of these rules, made once."""
    return Words(rules)


def rules_for(texts: np.ndarray, *, lowercase: bool, split: str) -> tuple[Rules, float]:
    """The rules for texts: which characters they have, whether they are taken apart by character, whether tags occur.

    Args:
        texts: shape (texts,).
        lowercase: whether capitals stand for small letters.
        split: word, character, or auto: by character where more than a fifth of the letters are of Chinese or Japanese.

    Returns:
        The rules, and that share.
    """
    counts = np.zeros(characters.UNKNOWN, np.int64)
    for block in blocks(texts):
        if block.dtype.itemsize:
            counts += np.bincount(block.view(np.uint32), minlength=characters.UNKNOWN)
    counts[0] = 0  # what shorter texts are filled up with
    found = np.flatnonzero(counts).tolist()
    letters = {number: int(counts[number]) for number in found if characters.kind_of(chr(number)) == characters.LETTER}
    cjk = sum(count for number, count in letters.items() if characters.is_cjk(number))
    share = cjk / max(1, sum(letters.values()))
    html = bool(counts[ord("<")]) and any(TAG.search(text) for block in blocks(texts) for text in block.tolist())
    by_character = split == "character" or (split == "auto" and share > 0.2)
    return Rules(characters.letters_of(map(chr, found), lowercase=lowercase), lowercase, by_character, html), share


def lengths(texts: np.ndarray, words: Words) -> np.ndarray:
    """How many words each text has: int64, shape (texts,)."""
    found = [words.placed(words.of_codes(block))[3] for block in blocks(texts)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def needed_characters(texts: np.ndarray, words: Words, length: int) -> int:
    """How many characters of a text are looked at, at most, for its first words."""
    most = 0
    for block in blocks(texts):
        _, begins, places, counts = words.placed(words.of_codes(block))
        used = np.minimum(counts, length)
        last = (np.cumsum(counts) - counts + used - 1)[used > 0]
        most = max(most, int((places[last] - begins[:-1][used > 0]).max(initial=0)) + 1)
    return most


def most_frequent(
    texts: np.ndarray, words: Words, *, length: int, ngrams: int, least: int, most: int
) -> tuple[list[str], list[int], int]:
    """The terms that occur most often in texts, the most frequent first.

    Args:
        texts: shape (texts,).
        words: how they are taken apart.
        length: words of each text that count.
        ngrams: words of the longest terms.
        least: times that a term has to occur.
        most: terms that are kept.

    Returns:
        Terms, how often each occurs, and how many different ones there are.
    """
    parts, places, row = [], [], 0
    for block in blocks(texts):
        numbers, there = words.numbers(np, words.of_codes(block), length)
        every = [(numbers, there), *joined(np, numbers, there, ngrams)]
        flags = np.stack([flags for _, flags in every], axis=1).reshape(-1)
        parts.append(np.stack([found for found, _ in every], axis=1).reshape(-1)[flags])
        places.append(np.flatnonzero(flags) + row * ngrams * length)
        row += len(block)
    found, first, times = np.unique(np.concatenate(parts), return_index=True, return_counts=True)
    first = np.concatenate(places)[first]
    kept = np.argsort(-times, kind="stable")[:most]
    kept = kept[times[kept] >= least]
    terms = _terms(texts, words, first[kept], length, ngrams)
    numbers = characters.signed(characters.term_number(term) for term in terms)
    # A word whose accents stand in an order of their own is not found again by what is shown of it.
    pairs = [
        (-int(times[n]), term)
        for n, term, number in zip(kept, terms, numbers, strict=True)
        if term and number == found[n]
    ]
    pairs.sort()
    return [term for _, term in pairs], [-count for count, _ in pairs], len(found)


def blocks(texts: np.ndarray) -> Iterator[np.ndarray]:
    """Texts in blocks, each of NumPy's own type, as long as its longest."""
    start = 0
    while start < len(texts):
        some = texts[start : start + ROWS]
        block = some if some.dtype.kind == "U" else np.array(some.tolist(), dtype=str)
        longest = max(1, int(np.strings.str_len(block).max()))
        rows = max(1, min(len(block), CHARACTERS // longest))
        yield block[:rows].astype(f"U{longest}")
        start += rows


def _prepared(block: np.ndarray, words: Words) -> np.ndarray:
    """Numbers of characters, 0 for tags and at the end."""
    return np.asarray(words.without_tags(np, np.pad(words.of_codes(block), [(0, 0), (0, 3)])))


def _terms(texts: np.ndarray, words: Words, places: np.ndarray, length: int, ngrams: int) -> list[str]:
    """The terms at places in texts: (text * ngrams + words less one) * length + number of the first word."""
    rows, rest = np.divmod(places, length * ngrams)
    widths, starts = np.divmod(rest, length)
    order, found = np.argsort(rows, kind="stable"), [""] * len(places)
    for start in range(0, len(order), ROWS):
        some = order[start : start + ROWS]
        x = _prepared(np.array(texts[rows[some]].tolist(), dtype=str), words)
        wanted = zip(some.tolist(), starts[some].tolist(), widths[some].tolist(), strict=True)
        for (number, first, width), codes, ends in zip(wanted, x, words.ends(np, x), strict=True):
            cuts = [0, *(np.flatnonzero(ends)[: first + width + 1] + 1).tolist()][first:]
            pieces = [codes[begin:end].tolist() for begin, end in pairwise(cuts)]
            term = ["".join(map(words.stands_for.__getitem__, piece)) for piece in pieces]
            found[number] = " ".join(map(characters.shown, term)) if all(term) else ""
    return found


def enough(lengths: np.ndarray) -> int:
    """Tokens that suffice for the texts of training."""
    longest = int(lengths.max(initial=1))
    return max(1, longest if longest <= ALL_OF else min(MOST, max(ALL_OF, int(np.ceil(np.percentile(lengths, 95))))))
