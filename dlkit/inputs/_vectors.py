"""Vectors of words from a text file: in each line a word and its numbers, as of GloVe, fastText and word2vec."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.inputs._tokens import FIRST
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


def vectors_of(path: str, vocabulary: Sequence[str], key: Key) -> np.ndarray:
    """The vectors that a file has of words; the same word in another case stands in for one that it does not have.

    Args:
        path: of the file.
        vocabulary: the words, whose ids count from 2.
        key: of the setting.

    Returns:
        Float32, shape (ids, numbers); NaN in the rows of those that the file does not have.

    Raises:
        ConfigError: there is no such file, or it has none of the words.
        RunError: naming the line that does not fit.
    """
    try:
        state = Path(path).stat()
        return _read(path, (state.st_mtime_ns, state.st_size), tuple(vocabulary), key)
    except OSError as error:
        reason = "there is no file" if isinstance(error, FileNotFoundError) else f"{error.strerror}:"
        help = "download it once, and name the unpacked file"
        raise ConfigError(Problem("missing-file", f"{reason} `{path}`", key, help=help)) from None


@lru_cache(maxsize=2)
def _read(path: str, state: tuple[int, int], vocabulary: tuple[str, ...], key: Key) -> np.ndarray:
    """The vectors of a file that was last changed then; see `vectors_of`."""
    ids = {word: number for number, word in enumerate(vocabulary, FIRST)}
    exact: dict[int, np.ndarray] = {}
    near: dict[int, np.ndarray] = {}
    width = 0
    with Path(path).open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            word, _, rest = line.partition(" ")
            if width == 0:
                width = len(rest.split())
            if number == 1 and word.isdecimal() and rest.strip().isdecimal():
                width = int(rest)  # the first line of word2vec says how many words and numbers follow
                continue
            found, place = (exact, ids.get(word)) if word in ids else (near, ids.get(word.lower()))
            values = [] if place is None or place in found else rest.split()
            # More numbers than that are those of a word with spaces, which is none of these.
            if place is not None and values and len(values) <= width:
                found[place] = _numbers(values, width, path, number, key)
    rows = {**near, **exact}
    if not rows:
        message = f"`{path}` has none of the {len(vocabulary):,} words of the training texts"
        help = "name a text file in which each line is a word and its numbers"
        raise ConfigError(Problem("bad-vectors", message, key, help=help))
    table = np.full((len(vocabulary) + FIRST, width), np.nan, np.float32)
    for place, numbers in rows.items():
        table[place] = numbers
    return table


def _numbers(values: list[str], width: int, path: str, line: int, key: Key) -> np.ndarray:
    """The numbers of a line."""
    try:
        numbers = np.array(values, np.float32)
    except ValueError:
        numbers = np.full(width, np.nan, np.float32)
    if len(values) != width or not np.isfinite(numbers).all():
        what = f"{len(values)} numbers instead of {width}" if len(values) != width else "something else than numbers"
        message = f"{path}:{line} has {what} behind its word"
        raise RunError(Problem("bad-vectors", message, key, help="download the file again"))
    return numbers
