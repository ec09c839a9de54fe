"""Reads the movie snippets: sentences of film reviews with ratings, divided into train and test by their texts."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from functools import lru_cache

import numpy as np

from dlkit.bundled import reading

FOLDER = reading.FOLDER.with_name("movie_snippets")
FILE = "movie_snippets.csv.gz"
COLUMNS = ("id", "text", "rating")
# Sentences in all, and in train.
SIZE, TRAIN = 10_605, 8_484
# Ratings nearer to 0 are neither positive nor negative.
NEUTRAL = 0.5
SENTIMENT_SIZES = {"train": 8_030, "test": 2_013}
SIZES = {"train": TRAIN, "test": SIZE - TRAIN}


@lru_cache(maxsize=4)
def read_movies(split: str, *, sentiment: bool) -> dict[str, np.ndarray]:
    """One split of the movie snippets. The arrays are read-only, because later calls return the same ones.

    Args:
        split: train or test.
        sentiment: leave out what is neither positive nor negative.

    Returns:
        `id`, int64; `text`; `rating`, float32, -4 to 4; of sentiments also `sentiment`, positive or negative.

    Raises:
        RunError: if the file is missing or damaged.
    """
    rows = _rows()[:TRAIN] if split == "train" else _rows()[TRAIN:]
    rows = [row for row in rows if not sentiment or abs(row[1]) > NEUTRAL]
    values: list[np.ndarray] = [
        np.array([number for number, _, _ in rows], np.int64),
        np.array([text for _, _, text in rows]),
        np.array([rating for _, rating, _ in rows], np.float32),
    ]
    columns = dict(zip(COLUMNS, values, strict=True))
    if sentiment:
        columns["sentiment"] = np.where(columns["rating"] > 0, "positive", "negative")
    for column in columns.values():
        column.flags.writeable = False
    return columns


@lru_cache(maxsize=1)
def _rows() -> list[tuple[int, float, str]]:
    """Number, rating and text of every sentence, in the order of the hashes of the texts: those of a film lie apart."""
    path = FOLDER / FILE
    try:
        text = gzip.decompress(path.read_bytes()).decode()
        rows = [(int(row["id"]), float(row["rating"]), row["text"]) for row in csv.DictReader(io.StringIO(text))]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise reading.unreadable(path, error) from error
    if len(rows) != SIZE:
        raise reading.unreadable(path, f"it has {len(rows):,} rows")
    return sorted(rows, key=lambda row: (hashlib.sha256(row[2].encode()).digest(), row[0]))
