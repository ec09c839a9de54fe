"""Examples that are in two splits: their inputs are the same to the last bit."""

from __future__ import annotations

import filecmp
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlkit.checks.context import OfSplits
from dlkit.checks.sampling import looked_at, pairs, place
from dlkit.config.problems import Problem
from dlkit.data import table
from dlkit.data.bound import Spec
from dlkit.data.contract import Rows

# What is compared of a split: all rows up to these sizes, else as many of them. Decoding takes milliseconds a file.
MOST_ROWS, MOST_BYTES, MOST_DECODED = 200_000, 2**27, 256
# Bytes at the end of a file that are compared first: what is compressed ends alike in hardly any two files.
_END = 4096
# Rows of a table that chance makes alike are no leak: those of which fewer than this are expected, were the columns
# independent of each other, are reported.
EXPECTED_BY_CHANCE = 0.01


def in_two_splits(case: OfSplits) -> Iterator[Problem]:
    """A figure of examples that were trained on says nothing of new ones."""
    digests: dict[str, tuple[np.ndarray, list[bytes]]] = {}
    for splits, first, one, second, other in pairs(case):
        for name, split in ((first, one), (second, other)):
            if name not in digests:
                rows = table.sampled(split.size, MOST_ROWS) if split.stored else some_rows(split)
                digests[name] = rows, _digests(split, rows)
        known = dict(zip(reversed(digests[second][1]), reversed(digests[second][0].tolist()), strict=True))
        rows, found = digests[first]
        same = np.array([row for row, digest in zip(rows.tolist(), found, strict=True) if digest in known], np.int64)
        same = same[~_alike_by_chance(splits.spec, one, same, other)]
        twins = np.array([known[found[int(np.searchsorted(rows, row))]] for row in same], np.int64)
        kept = [_same_files(one, row, other, twin) for row, twin in zip(same.tolist(), twins.tolist(), strict=True)]
        same, twins = same[np.array(kept, bool)], twins[np.array(kept, bool)]
        if not same.size:
            continue
        row, twin = int(same[0]), int(twins[0])
        seen = looked_at((first, len(rows), one.size), (second, len(digests[second][0]), other.size))
        verb = "examples is" if same.size == 1 else "examples are"
        yield Problem(
            "example-in-two-splits",
            f"{same.size:,} of {len(rows):,} {first} {verb} in {second} as well{seen}; the first is "
            f"{place(splits, first, row)}, the same as {place(splits, second, twin)}",
            ("data", "splits"),
            help="leave them out with `clean: {drop: [duplicates]}`, or keep rows that belong together in one split "
            "with `splits: {by: group}`",
            severity="warning",
        )


def some_rows(split: Rows, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """Numbers of the rows of a split that are looked at."""
    if split.make is not None:
        return table.sampled(split.size, MOST_DECODED)
    size = sum(x[:1].nbytes for x in split.held.inputs.values())
    return table.sampled(split.size, min(most_rows, max(1, most_bytes // max(1, size))))


def _digests(split: Rows, rows: np.ndarray) -> list[bytes]:
    """A digest of all inputs of each row; of files, of their sizes and ends, so that each is opened once."""
    if split.stored:
        ends = {name: [_end(file) for file in x[rows].tolist()] for name, x in split.stored.items()}
        held = {name: _bytes(np.asarray(x[rows])) for name, x in split.held.inputs.items()}
        found = ends | held
    else:
        whole = split.make is None and len(rows) == split.size
        inputs = split.held.inputs if whole else split.read(rows).inputs
        found = {name: _bytes(np.asarray(x)) for name, x in inputs.items()}
    columns = [found[name] for name in sorted(found)]
    return [hashlib.blake2b(b"\0".join(parts), digest_size=16).digest() for parts in zip(*columns, strict=True)]


def _end(file: str | bytes) -> bytes:
    """The size of a file or content and its last bytes; the path of what cannot be read."""
    if isinstance(file, bytes):
        return str(len(file)).encode() + file[-_END:]
    try:
        with Path(file).open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - _END))
            return str(size).encode() + opened.read()
    except OSError:  # which is reported when it is decoded
        return file.encode()


def _same_files(one: Rows, row: int, other: Rows, twin: int) -> bool:
    """Whether the files of two rows with the same digest are the same to their last byte; so if they have none."""
    both = [(x[row], other.stored[name][twin]) for name, x in one.stored.items()]
    return all(a == b if isinstance(a, bytes) else filecmp.cmp(a, b, shallow=False) for a, b in both)


def _bytes(values: np.ndarray) -> list[bytes]:
    """The content of each example."""
    if values.dtype.kind in "biuf" and values.ndim and values[:1].size:
        flat = np.ascontiguousarray(values).reshape(len(values), -1)
        rows: list[bytes] = flat.view(np.dtype((np.void, flat.shape[1] * flat.itemsize)))[:, 0].tolist()
        return rows
    return [
        value.tobytes() + repr(value.shape).encode() if value.dtype.kind in "biuf" else repr(value.tolist()).encode()
        for value in map(np.asarray, values)
    ]


def _alike_by_chance(spec: Spec, split: Rows, rows: np.ndarray, other: Rows) -> np.ndarray:
    """Which of these rows of a table have values that are so frequent that chance brings them together."""
    if not rows.size or any(not bound.settings.in_tables for bound in spec.inputs.values()):
        return np.zeros(len(rows), bool)
    ours, theirs = table.table(spec, split, rows), table.table(spec, other, table.sampled(other.size, 20_000))
    if ours is None or theirs is None or len(ours.names) < table.width(spec):
        return np.zeros(len(rows), bool)
    expected = np.full(len(rows), float(other.size))
    for column, known in zip(ours.values.T, theirs.values.T, strict=True):
        known = np.sort(known)  # NaN comes last, and is found as any other value
        there = np.searchsorted(known, column, "right") - np.searchsorted(known, column, "left")
        expected *= np.maximum(there, 1) / len(known)
    return np.asarray(expected >= EXPECTED_BY_CHANCE)
