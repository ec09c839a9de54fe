"""Characters of texts: which part words, which are parts of words, and what each stands for.

Every character is judged alone, so that the rules are a table, which a saved model holds as numbers: letters and digits
are of words, in their Unicode compatibility form (NFKD), lower-cased where that is wanted; apostrophes are left out, so
that `it's` is `its`; other punctuation, spaces and control characters part words; symbols and emoji are words of their
own.

A word is known by a number of 64 bits that follows from its letters, a polynomial modulo 2**64 (Karp and Rabin, 1987).
A number of that size is shared by two of a million words with a chance of 3 in 100 million.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

SEPARATOR, LETTER, MARK, ALONE, DROPPED = range(5)
# Within words and of no meaning: apostrophes, soft hyphens, joiners, variation selectors.
NOTHING = frozenset("'‘’ʼ＇\u00ad\u200c\u200d\ufe0e\ufe0f")
# 2**64 divided by the golden ratio, and its inverse modulo 2**64.
BASE = 0x9E3779B97F4A7C15
INVERSE = pow(BASE, -1, 2**64)
# Of joined words; any odd number would do.
JOIN = 0xD1342543DE82EF95
# Stands for every character that is not in the table.
UNKNOWN = 0x110000
# Of which what was found is kept: characters that texts have, and terms of a vocabulary.
CHARACTERS, TERMS = 2**12, 2**15
# All of Unicode but for surrogates, which no text holds, and for ranges of ideographs and what is unassigned or for
# private use, where every character stands for itself or is a word of its own.
LOOKED_AT = ((0, 0x3400), (0xA000, 0xD800), (0xF900, 0x20000), (0x2F800, 0x2FA20), (0xE0000, 0xE0200))
CJK = (
    (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF),
)  # fmt: skip


@dataclass(frozen=True)
class Character:
    """One row of the table.

    Attributes:
        text: the character.
        kind: SEPARATOR, LETTER, MARK, ALONE or DROPPED.
        stands_for: the letters that it stands for; empty where it is in no word.
    """

    text: str
    kind: int
    stands_for: str


@lru_cache(CHARACTERS)
def kind_of(character: str) -> int:
    """What a character is."""
    if character in NOTHING:
        return DROPPED
    category = unicodedata.category(character)
    if category[0] in "LNM":
        return MARK if category[0] == "M" else LETTER
    symbol = category[0] == "S" and not character.isascii()
    return ALONE if symbol or category in ("Co", "Cn") else SEPARATOR


def stands_for(character: str, *, lowercase: bool) -> str:
    """The letters that a character stands for: `ﬁ` for `fi`, `Ａ` for `a`; itself where Unicode knows no others."""
    found = unicodedata.normalize("NFKD", character)
    if lowercase:
        found = unicodedata.normalize("NFKD", found.casefold())
    return "".join(c for c in found if kind_of(c) in (LETTER, MARK)) or character


@lru_cache(maxsize=2)
def every_character(*, lowercase: bool) -> tuple[Character, ...]:
    """All characters that are in no word, and all that stand for others than themselves."""
    found = []
    for character in (chr(number) for first, end in LOOKED_AT for number in range(first, end)):
        kind = kind_of(character)
        if kind in (LETTER, MARK):
            letters = stands_for(character, lowercase=lowercase)
            if letters != character:
                found.append(Character(character, kind, letters))
        elif kind != ALONE and character != "\0":  # which no lookup of TensorFlow's holds
            found.append(Character(character, kind, ""))
    return tuple(found)


def table(letters: Collection[str], *, lowercase: bool, by_character: bool) -> list[Character]:
    """The characters that stand for some of these letters, symbols among them, and all that are in no word.

    Args:
        letters: what the characters of the training texts stand for.
        lowercase: whether capitals stand for small letters.
        by_character: whether every letter is a word of its own.
    """
    known = set(letters)
    found = [Character(c, kind_of(c), c) for c in sorted(known)]
    found += [c for c in every_character(lowercase=lowercase) if known.issuperset(c.stands_for)]
    if by_character:
        found = [Character(c.text, ALONE, c.stands_for) if c.kind == LETTER else c for c in found]
    return found


def letters_of(characters: Iterable[str], *, lowercase: bool) -> str:
    """What some characters stand for, each once, sorted."""
    found: set[str] = set()
    for character in characters:
        kind = kind_of(character)
        if kind in (LETTER, MARK):
            found.update(stands_for(character, lowercase=lowercase))
        elif kind == ALONE:
            found.add(character)
    return "".join(sorted(found))


def is_cjk(number: int) -> bool:
    """Whether a code point is a character of Chinese or Japanese, which put no spaces between words."""
    return any(first <= number <= last for first, last in CJK)


def number_of(letters: str) -> int:
    """The number of a word, or of the part of one that a character stands for, 64 bits."""
    found, power = 0, 1
    for letter in letters:
        power = power * INVERSE % 2**64
        found = (found + _mixed(ord(letter)) * power) % 2**64
    return found


def part_of(letters: str) -> int:
    """What a character adds to a word's number, times the power at its end."""
    return number_of(letters) * pow(BASE, len(letters), 2**64) % 2**64


def unknown_part() -> int:
    """The same, of characters that are not in the table."""
    return _mixed(UNKNOWN)


def joined(first: int, following: int) -> int:
    """The number of words side by side, of the number of all but the last, and of that."""
    return (first * JOIN + following + 1) % 2**64


@lru_cache(TERMS)
def term_number(term: str) -> int:
    """The number of a term of the vocabulary: a word as it is shown, or several with spaces between them."""
    first, *following = (number_of("".join(map(_taken_apart, word))) for word in term.split(" "))
    for number in following:
        first = joined(first, number)
    return first


def shown(letters: str) -> str:
    """A word as it is shown: letters with their accents."""
    return unicodedata.normalize("NFC", letters)


def signed(numbers: Iterable[int]) -> Iterator[int]:
    """Numbers of 64 bits as those of int64."""
    return (n - 2**64 if n >= 2**63 else n for n in numbers)


@lru_cache(CHARACTERS)
def _taken_apart(letter: str) -> str:
    return letter if kind_of(letter) == ALONE else unicodedata.normalize("NFKD", letter)


@lru_cache(CHARACTERS)
def _mixed(number: int) -> int:
    """A code point as 64 bits that look random (splitmix64; Steele, Lea and Flood, 2014)."""
    mixed = (number + 1) * BASE % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return mixed ^ (mixed >> 31)
