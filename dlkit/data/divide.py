"""Takes shares of the training rows for validation and test: at random, by classes, groups, time or a hash.

Every way gives each row a position between 0 and 1, and the positions are cut. What is random follows from
`splits.seed`, so the same rows are held back in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from dlkit.config.names import did_you_mean
from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.data.base_rows import between, moments
from dlkit.data.choose import SPLITS
from dlkit.data.parts import Chosen, Part, numbers, picked
from dlkit.data.values import RowPlace, missing
from dlkit.schema.data import Data, Splits
from dlkit.schema.source import BaseRows, Piece, SourceData
from dlkit.sources._timestamps import Times, read_times

_KEY = ("data", "splits")


def divide(data: Data, source: SourceData, chosen: Chosen) -> tuple[Chosen, list[str]]:
    """The splits of a run, where shares are taken of the training rows, and notes.

    Args:
        data: the section of the configuration.
        source: which has been opened.
        chosen: the splits that are slices.

    Raises:
        ConfigError: if the source cannot be divided so, or a split would have no examples.
        RunError: if the values that decide cannot be used.
    """
    splits = data.splits
    if splits is None or not (splits.shares() or splits.folds):
        return chosen, []
    if source.arrays is None:
        help = "use slices, as in `train[:90%]` and `train[90%:]`"
        raise _refused("shares are taken by number, and these examples can only be read from their start", "by", help)
    if source.base is not None:
        return _windows(source, source.base, splits, chosen)
    by = splits.by or _usual(data)
    column = splits.column
    if by == "stratified" and splits.column is None:
        name, settings = next(iter(data.targets.items()))
        column = settings.wanted(name)[0]
    parts = chosen["train"]
    values = None if column is None else _values(source, parts, column)
    size = sum(part.size or 0 for part in parts)
    if by == "time" and column is not None and values is not None:
        values = _as_times(source, parts, column, values)
    positions = _positions(by, values, size, splits.seed)
    which = _cut(positions, size, splits, ranked=by in ("share", "stratified"))
    found = {**chosen}
    for name, rows in which.items():
        if not rows.any():
            raise _refused(f"no examples are left for {name}", name, _more_help(by, values))
        found[name] = picked(parts, rows)
    return _in_order(found), _notes(splits, by, values, which)


def _in_order(chosen: Chosen) -> Chosen:
    return {name: chosen[name] for name in SPLITS if name in chosen}


def _windows(
    source: SourceData, base_of: Callable[[str], BaseRows], splits: Splits, chosen: Chosen
) -> tuple[Chosen, list[str]]:
    """The splits of windows: by time, or whole series; windows that predict on both sides of a cut are in none."""
    parts = chosen["train"]
    if len(parts) != 1:
        raise _refused("windows are divided within one split of the source", "train", "name one split")
    part, base = parts[0], base_of(parts[0].split)
    if splits.by == "group" and splits.column is None:
        series = base.series[base.first[numbers(part)]]
        positions = _positions("group", series, len(series), splits.seed)
        which = _cut(positions, len(series), splits, ranked=False)
        found = {name: picked(parts, rows) for name, rows in which.items()}
    elif splits.by in (None, "time") and splits.folds is None:
        steps = len(np.unique(base.times))
        taken = counts(splits, steps)
        names = [name for name in ("validation", "test") if name in taken]
        rows = between(base, moments(base, [taken[name] / steps for name in names]))
        every = dict(zip(("train", *names), rows, strict=True))
        found = {name: picked(parts, np.isin(numbers(part), some)) for name, some in every.items()}
    else:
        help = "leave `column` out" if splits.by == "group" else "write `by: time`, or `by: group` for whole series"
        raise _refused("windows overlap, so that at random most test examples would be seen in training", "by", help)
    for name, some in found.items():
        if not some:
            help = "take a larger share, or smaller windows"
            if splits.by == "group":
                series = len(np.unique(base.series))
                there_are = "is one series, which stays" if series == 1 else f"are {series} series, which stay"
                help = f"there {there_are} whole: take a larger share, or `by: time`"
            raise _refused(f"no windows are left for {name}", name, help)
    sizes = {name: sum(p.size or 0 for p in some) for name, some in found.items()}
    lost = (part.size or 0) - sum(sizes.values())
    listed = ", ".join(f"{size:,} {name}" for name, size in sizes.items())
    how = "in whole series" if splits.by == "group" else "by time"
    notes = [f"the windows of `{splits.train}` are divided {how}: {listed}"]
    if lost:
        notes[0] += f"; {lost:,} that predict on both sides of a cut are left out"
    return _in_order({**chosen, **found}), notes


def groups_of(data: Data, source: SourceData) -> Callable[[np.ndarray], np.ndarray] | None:
    """The groups of rows, by their numbers counted through all splits, where `splits` names a column; -1 for none."""
    splits = data.splits
    if splits is None or splits.by != "group" or splits.column is None or source.arrays is None:
        return None
    column = splits.column
    every = [Piece(name, 0, size) for name, size in source.sizes.items() if size]

    def groups(ids: np.ndarray) -> np.ndarray:
        values = _values(source, every, column)
        return np.asarray(np.where(missing(values), -1, _codes(values))[ids])

    return groups


def counts(splits: Splits, size: int) -> dict[str, int]:
    """How many of so many training rows each share takes; `test` is a fold where there are folds."""
    found = {
        name: round(share.value * size / 100) if share.unit == "%" else int(share.value)
        for name, share in splits.shares().items()
    }
    if splits.folds is not None:
        found["test"] = size * splits.fold // splits.folds - size * (splits.fold - 1) // splits.folds
    return found


def _usual(data: Data) -> str:
    """How shares are taken where nothing says it: by the classes of the only target, if it has some."""
    targets = list(data.targets.values())
    return "stratified" if len(targets) == 1 and targets[0].stratifies else "share"


def _values(source: SourceData, parts: Sequence[object], column: str) -> np.ndarray:
    assert source.arrays is not None
    if column not in source.fields:
        help = did_you_mean(column, [*source.fields, *source.others], "it has")
        raise _refused(f"the source has no column `{column}`", "column", help)
    found = [part.of(source.arrays(part.split)[column]) for part in parts]  # type: ignore[attr-defined]
    values = np.concatenate(found)
    return values.reshape(len(values), -1)[:, 0] if values.size == len(values) else values.reshape(len(values), -1)


def _positions(by: str, values: np.ndarray | None, size: int, seed: int) -> np.ndarray:
    """The place of every row between 0 and 1, by which the splits are cut: float64, shape (size,)."""
    random = np.random.default_rng(seed)
    if by == "share":
        return np.argsort(random.permutation(size), kind="stable") / size
    assert values is not None
    if by == "stratified":
        return _by_class(values, random)
    if by == "group":
        return _by_group(values, random)
    if by == "time":
        return np.searchsorted(np.sort(values), values, side="left") / size
    assert by == "hash"
    digests = [hashlib.sha256(f"{seed} {value!r}".encode()).digest()[:8] for value in values.tolist()]
    return np.array([int.from_bytes(digest) for digest in digests], np.float64) / 2.0**64


def _by_class(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The rows of each class spread evenly, so that a cut takes the same share of each, and as many in all as asked."""
    codes = _codes(values)
    positions = np.empty(len(codes))
    for code in range(int(codes.max()) + 1):
        rows = random.permutation(np.flatnonzero(codes == code))
        positions[rows] = (np.arange(len(rows)) + random.random()) / len(rows)
    return _ranks(positions)


def _ranks(positions: np.ndarray) -> np.ndarray:
    """The place of each position among all of them, between 0 and 1: no two rows share one."""
    order = np.argsort(positions, kind="stable")
    ranks: np.ndarray = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    ranks /= len(order)
    return ranks


def _by_group(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """All rows of a group in one place: the middle of those of the groups in a random order."""
    codes = _codes(values)
    sizes = np.bincount(codes)
    order = random.permutation(len(sizes))
    ends = np.cumsum(sizes[order])
    middles: np.ndarray = np.empty(len(sizes))
    middles[order] = (ends - sizes[order] / 2) / len(codes)
    positions: np.ndarray = middles[codes]
    return positions


def _codes(values: np.ndarray) -> np.ndarray:
    """The same number for rows of the same value."""
    if values.dtype.hasobject:
        values = values.astype(str)
    codes: np.ndarray
    if values.ndim == 1:  # what sorts all rows takes several times their memory
        codes = np.searchsorted(np.unique(values), values)
    else:
        codes = np.unique(values, axis=0, return_inverse=True)[1].reshape(-1)
    return codes


def _as_times(source: SourceData, parts: tuple[Part, ...], column: str, values: np.ndarray) -> np.ndarray:
    """Numbers or dates that can be put in order.

    Raises:
        ConfigError: if dates can be read in two ways.
        RunError: naming the first row that is neither, or a date of another format than the others.
    """
    place = RowPlace("train", (column,), parts, (*_KEY, "column"), source.place)
    times = Times(column, source.name, values, place.row, place.key)
    if values.dtype.kind not in "iuf":
        return read_times(times)
    if (empty := np.flatnonzero(np.isnan(values))).size:
        raise times.empty(int(empty[0]))
    return values


def _cut(positions: np.ndarray, size: int, splits: Splits, *, ranked: bool) -> dict[str, np.ndarray]:
    """Which rows are in each split: the last for test, those before them for validation, the rest for training."""
    taken = counts(splits, size)
    if splits.folds is not None:
        # Turned, so that the chosen fold comes last.
        start = size * splits.fold // splits.folds / size
        positions = np.round(positions - start, 12) % 1.0
    if ranked:  # exact: no two rows share a position
        positions = _ranks(positions)
    # Half a row lower, so that a position of k / size is never on the wrong side of a cut at k.
    test = (size - taken.get("test", 0) - 0.5) / size
    validation = test - taken.get("validation", 0) / size
    found = {"train": positions < validation}
    if "validation" in taken:
        found["validation"] = (positions >= validation) & (positions < test)
    if "test" in taken:
        found["test"] = positions >= test
    return found


def _notes(splits: Splits, by: str, values: np.ndarray | None, which: dict[str, np.ndarray]) -> list[str]:
    how = {
        "share": "at random",
        "stratified": "at random, from each class alike",
        "group": "in whole groups",
        "time": "by time",
        "hash": "by a hash",
    }[by]
    sizes = ", ".join(f"{int(rows.sum()):,} {name}" for name, rows in which.items())
    notes = [f"the rows of `{splits.train}` are divided {how}: {sizes}"]
    if by == "stratified" and values is not None:
        rare = int((np.bincount(_codes(values)) < 2).sum())
        if rare:
            verb = "has" if rare == 1 else "have"
            notes.append(f"{count(rare, 'class')} {verb} one row alone, which is in one of the splits")
    return notes


def _more_help(by: str, values: np.ndarray | None) -> str:
    if by == "group" and values is not None:
        groups = len(np.unique(_codes(values)))
        if groups == 1:
            return "all rows are of one group, which stays whole: divide them by another column"
        return f"there are {groups} groups, which stay whole: take a larger share"
    return "take a larger share"


def _refused(message: str, setting: str, help: str) -> ConfigError:
    return ConfigError(Problem("bad-division", message, (*_KEY, setting), help=help))
