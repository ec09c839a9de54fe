"""Drops rows that a configuration asks to leave out, counts them, and keeps why.

Nothing is changed in a row: what fills in or corrects values is a step of `preprocess`, which the saved model has too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.data.choose import SPLITS
from dlkit.data.columns import Columns
from dlkit.data.contract import Dropped
from dlkit.data.parts import Chosen, picked
from dlkit.data.values import RowPlace, missing, unreadable
from dlkit.schema.data import Data
from dlkit.schema.features import Feature

# Rows that are named for each reason; all are counted.
NAMED = 1000


# Split and key path of an input, target or other column to its values, and where they are.
Read = Callable[[str, Key], tuple[np.ndarray, RowPlace]]


def clean(
    data: Data,
    chosen: Chosen,
    columns: Columns,
    read: Read,
    features: Mapping[Key, Feature],
    decode: Mapping[Key, Callable[[Any], Any]],
) -> tuple[Chosen, list[Dropped]]:
    """The rows that are left after cleaning, and those that are not.

    Args:
        data: says what is left out.
        chosen: the rows of each split.
        columns: those that each input and target reads.
        read: gives the values of an input or target in a split.
        features: of every input and target.
        decode: of encoded inputs, what raises ValueError for a file that cannot be decoded.

    Raises:
        RunError: if no rows are left.
        ConfigError: if a range is given for what is not read, or for text.
    """
    settings = data.clean
    if settings is None:
        return chosen, []
    _refuse_unknown(settings.ranges, data, columns, features)
    known = {key: _values_of(read("train", key)[0]) for key in features if _has_labels(data, key)}
    found, dropped, seen = {**chosen}, [], set[bytes]()
    # Training comes last: a row that is in another split too is left out of training.
    for split in [name for name in ("test", "validation", "train") if name in chosen]:
        held = {key: read(split, key) for key in features}
        left = _Left(split, next(iter(held.values()))[1], sum(part.size or 0 for part in chosen[split]))
        for key, (values, _) in held.items():
            for wrong, why in _wrong(data, key, columns[key], features[key], values, known.get(key), decode.get(key)):
                left.without(wrong, why)
        if "duplicates" in settings.drop:
            compared = [_content(values) if key in decode else values for key, (values, _) in sorted(held.items())]
            left.without(_seen(compared, left.keep, seen), "the same row is there already")
        if not left.keep.any():
            message, help = f"{split}: no rows are left after cleaning", "ask for less, or correct the data"
            raise RunError(Problem("nothing-left", message, ("data", "clean"), help=help))
        found[split] = picked(chosen[split], left.keep)
        dropped += left.dropped
    return found, sorted(dropped, key=lambda one: SPLITS.index(one.split))


class _Left:
    """The rows of a split that are left, and those that were left out."""

    def __init__(self, split: str, place: RowPlace, size: int) -> None:
        self.keep, self.dropped = np.ones(size, bool), list[Dropped]()
        self._split, self._place = split, place

    def without(self, wrong: np.ndarray, why: str) -> None:
        """Leave out rows, those aside that are out already."""
        rows = np.flatnonzero(wrong & self.keep)
        if rows.size:
            named = tuple(self._place.row(int(row)) for row in rows[:NAMED])
            self.dropped.append(Dropped(self._split, why, rows.size, named))
            self.keep[rows] = False


def _wrong(
    data: Data,
    key: Key,
    columns: Sequence[str],
    feature: Feature,
    values: np.ndarray,
    known: np.ndarray | None,
    decode: Callable[[Any], Any] | None,
) -> Iterator[tuple[np.ndarray, str]]:
    """Which rows of an input or target are asked to be left out, and why."""
    settings, name = data.clean, str(key[2])
    assert settings is not None
    if "missing" in settings.drop and not _fills(data, key, feature):
        for column, part in _by_column(name, columns, values):
            yield missing(part), f"`{column}` is missing"
    if "unreadable" in settings.drop:
        unread = unreadable(values) if decode is None else _undecodable(values, decode)
        yield unread, f"`{name}` cannot be decoded"
    if "unknown_labels" in settings.drop and known is not None:
        yield ~np.isin(_plain(values), known), f"no training row has this label of `{name}`"
    if (limits := settings.ranges.get(name)) is not None:
        yield _outside(values, limits, name), f"`{name}` is outside of {_range(limits)}"
    for column, part in _by_column(name, columns, values):
        if column not in data.inputs and column not in data.targets and column in settings.ranges:
            limits = settings.ranges[column]
            yield _outside(part, limits, column), f"`{column}` is outside of {_range(limits)}"


def _by_column(name: str, columns: Sequence[str], values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The values of each column by its name, or all by that of the input or target where no column has its own."""
    if values.shape[1:] == (len(columns),):
        for number, column in enumerate(columns):
            yield column, values[:, number]
    else:
        yield columns[0] if len(columns) == 1 else name, values


def _has_labels(data: Data, key: Key) -> bool:
    return key[1] == "targets" and data.targets[str(key[2])].stratifies


def _fills(data: Data, key: Key, feature: Feature) -> bool:
    """Whether a missing value of an input is filled in, or stands for padding."""
    return key[1] == "inputs" and data.inputs[str(key[2])].nan_allowed(feature)


def _plain(values: np.ndarray) -> np.ndarray:
    """Objects as text, so that they can be compared."""
    return values.astype(str) if values.dtype.hasobject else values


def _values_of(values: np.ndarray) -> np.ndarray:
    """The different values that are there."""
    there = values[~missing(values)]
    return np.unique(_plain(there))


def _outside(values: np.ndarray, limits: Sequence[float | None], name: str) -> np.ndarray:
    low, high = limits
    if values.dtype.kind not in "iufb":
        message = f"`{name}` holds {values.dtype}, which has no range"
        raise ConfigError(
            Problem("field-type", message, ("data", "clean", "ranges", name), help="give ranges of numbers alone")
        )
    flat = values.reshape(len(values), -1)
    with np.errstate(invalid="ignore"):  # NaN is missing, not outside
        below = flat < low if low is not None else np.zeros_like(flat, bool)
        above = flat > high if high is not None else np.zeros_like(flat, bool)
    return np.asarray((below | above).any(axis=1))


def _range(limits: Sequence[float | None]) -> str:
    low, high = limits
    if low is None or high is None:
        return f"values up to {high:g}" if low is None else f"values from {low:g}"
    return f"{low:g} to {high:g}"


def _undecodable(values: np.ndarray, decode: Callable[[Any], Any]) -> np.ndarray:
    """Which files cannot be decoded; all are tried, by several threads."""

    def fails(value: Any) -> bool:
        try:
            decode(value)
        except (ValueError, OSError):
            return True
        return False

    with ThreadPoolExecutor() as threads:
        return np.fromiter(threads.map(fails, values.tolist()), bool, len(values))


def _content(values: np.ndarray) -> np.ndarray:
    """A digest of the content of each file."""
    digests = [
        hashlib.blake2b(v if isinstance(v, bytes) else Path(v).read_bytes()).hexdigest() for v in values.tolist()
    ]
    return np.array(digests)


def _seen(columns: list[np.ndarray], keep: np.ndarray, seen: set[bytes]) -> np.ndarray:
    """Rows all of whose values were there before, in this split or one that was cleaned before it."""
    arrays = [np.ascontiguousarray(values) for values in columns]
    again = np.zeros(len(keep), bool)
    for row in np.flatnonzero(keep):
        digest = hashlib.blake2b(digest_size=16)
        for array in arrays:
            value = array[row : row + 1]
            # Text of any width, as another split has another.
            digest.update(repr(value.tolist()).encode() if array.dtype.kind in "OSTU" else value.tobytes())
        again[row] = digest.digest() in seen
        seen.add(digest.digest())
    return again


def _refuse_unknown(ranges: Mapping[str, Any], data: Data, columns: Columns, features: Mapping[Key, Feature]) -> None:
    # Of several columns side by side only those with one value each are kept apart.
    read = [c for key in features if len(columns[key]) in (1, *features[key].shape) for c in columns[key]]
    known = list(dict.fromkeys([*data.inputs, *data.targets, *read]))
    for name in ranges:
        if name not in known:
            message = f"there is no input or target `{name}`, and none reads such a column"
            help = did_you_mean(name, known, "give ranges of")
            raise ConfigError(Problem("unknown-column", message, ("data", "clean", "ranges", name), help=help))
