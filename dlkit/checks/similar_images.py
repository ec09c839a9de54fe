"""Images of two splits that are nearly the same: saved again, resized, or a frame later.

An average hash (8 x 8 pixels, whether each is above the mean) finds pairs, thumbnails of 16 x 16 confirm them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dlkit.checks.context import OfSplits
from dlkit.checks.duplicates import some_rows
from dlkit.checks.sampling import looked_at, pairs, place
from dlkit.config.problems import Problem
from dlkit.data.bound import Input
from dlkit.data.contract import Rows, uneven

AXES = ("height", "width", "channels")
# Smaller images, such as digits, look alike without being so.
SMALLEST_SIDE = 32
# Rows and bytes of a split that are looked at.
MOST_ROWS, MOST_BYTES = 10_000, 2**26
SIDE = 16
# Of the 64 bits of two hashes that may differ.
BITS = 4
# Mean square difference of two thumbnails as a share of the variance of one of them.
DIFFERENCE = 0.01
# Less contrast than this share of the whole range, and there is nothing to compare.
CONTRAST = 0.02
# Pairs of equal hashes that are compared further.
MOST_PAIRS = 200_000
# Rows of one split whose hashes are compared at once.
_BLOCK = 256


def across_splits(case: OfSplits) -> Iterator[Problem]:
    """A nearly equal image in training makes a figure as useless as an equal one does."""
    small: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    for splits, first, one, second, other in pairs(case):
        for bound in _images(splits.spec.inputs.values()):
            for name, split in ((first, one), (second, other)):
                if (bound.name, name) not in small:
                    small[bound.name, name] = _thumbnails(split, bound)
            rows, ours = small[bound.name, first]
            others, theirs = small[bound.name, second]
            found = [
                (int(rows[i]), int(others[k]))
                for i, k in _alike(ours, theirs)
                if not _equal(one, int(rows[i]), other, int(others[k]), bound)
            ]
            if found:
                first_two = place(splits, first, found[0][0]), place(splits, second, found[0][1])
                yield _problem(bound, found, first_two, (first, len(rows), one.size), (second, len(others), other.size))


def _problem(
    bound: Input,
    found: list[tuple[int, int]],
    places: tuple[str, str],
    first: tuple[str, int, int],
    second: tuple[str, int, int],
) -> Problem:
    count = len({row for row, _ in found})
    verb = "images is" if count == 1 else "images are"
    return Problem(
        "similar-images-in-two-splits",
        f"`{bound.name}`: {count:,} of {first[1]:,} {first[0]} {verb} nearly the same as one of {second[0]}"
        f"{looked_at(first, second)}; the first is {places[0]}, like {places[1]}",
        ("data", "splits"),
        help="keep pictures of one thing in one split with `splits: {by: group, column: ...}`",
        severity="warning",
    )


def _images(inputs: Any) -> Iterator[Input]:
    """The inputs that are images, and large enough as far as that is known."""
    for bound in inputs:
        if bound.settings.axes == AXES and all(size is None or size >= SMALLEST_SIDE for size in bound.shape[:2]):
            yield bound


def _read(split: Rows, rows: np.ndarray, bound: Input) -> Any:
    held = split.held.inputs.get(bound.name)
    return split.read(rows).inputs[bound.name] if held is None else held[rows]


def _equal(one: Rows, row: int, other: Rows, twin: int, bound: Input) -> bool:
    """Whether two images are the same to the last bit, which another rule reports."""
    both = (_read(one, np.array([row]), bound)[0], _read(other, np.array([twin]), bound)[0])
    return bool(np.array_equal(*both))


def _thumbnails(split: Rows, bound: Input) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of rows that were looked at, and their images: float32, shape (images, 16, 16); NaN for smaller ones."""
    rows = some_rows(split, MOST_ROWS, MOST_BYTES)
    made = []
    for start in range(0, len(rows), _BLOCK):
        images = _read(split, rows[start : start + _BLOCK], bound)
        made += [_shrunk(image[None]) for image in images] if uneven(images) else [_shrunk(images)]
    return rows, np.concatenate(made)


def _shrunk(images: np.ndarray) -> np.ndarray:
    """Means over 16 x 16 parts of images, over channels too."""
    height, width = images.shape[1:3]
    if min(height, width) < SMALLEST_SIDE:
        return np.full((len(images), SIDE, SIDE), np.nan, np.float32)
    rows, columns = (np.linspace(0, size, SIDE + 1).astype(np.int64) for size in (height, width))
    grey = images.sum(axis=-1, dtype=np.float32)
    parts = np.add.reduceat(np.add.reduceat(grey, rows[:-1], axis=1), columns[:-1], axis=2)
    return np.asarray(parts / (np.diff(rows)[:, None] * np.diff(columns)) / images.shape[-1], np.float32)


def _alike(ours: np.ndarray, theirs: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of thumbnails that show the same, the first one of each of ours."""
    both = np.concatenate([ours, theirs])
    if np.isnan(both).all():
        return
    least = CONTRAST * float(np.nanmax(both) - np.nanmin(both))
    hashes, useful = zip(*(_hashed(x, least) for x in (ours, theirs)), strict=True)
    others = np.flatnonzero(useful[1])
    pairs = 0
    for start in range(0, len(ours), _BLOCK):
        block = np.flatnonzero(useful[0][start : start + _BLOCK]) + start
        near = np.bitwise_count(hashes[0][block, None] ^ hashes[1][None, others]) <= BITS
        i, k = np.nonzero(near)
        if (pairs := pairs + len(i)) > MOST_PAIRS:
            return
        mine, other = ours[block[i]], theirs[others[k]]
        apart = ((mine - other) ** 2).mean(axis=(1, 2))
        right = apart <= DIFFERENCE * mine.var(axis=(1, 2))
        _, first = np.unique(i[right], return_index=True)
        yield from zip(block[i[right][first]].tolist(), others[k[right][first]].tolist(), strict=True)


def _hashed(thumbnails: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """The average hash of each, uint64, and whether it has enough contrast for that to mean anything."""
    flat = thumbnails.reshape(len(thumbnails), 8, SIDE // 8, 8, SIDE // 8).mean(axis=(2, 4)).reshape(-1, 64)
    bits = np.packbits(flat > flat.mean(axis=1, keepdims=True), axis=1)
    return bits.view(np.uint64)[:, 0], thumbnails.std(axis=(1, 2)) > least
