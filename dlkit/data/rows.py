"""Splits over the arrays of a source: their values are checked, fitted on the training rows, and read by number."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.problems import Key
from dlkit.data import weights
from dlkit.data.bound import Input, Spec, Target
from dlkit.data.clean import clean
from dlkit.data.collect import collect
from dlkit.data.columns import Columns, joined
from dlkit.data.contract import Batch, Dropped, Origin, Rows, Tensors
from dlkit.data.parts import Chosen, numbers
from dlkit.data.values import RowPlace
from dlkit.schema.data import Data
from dlkit.schema.features import Feature
from dlkit.schema.source import BaseRows, SourceData

Fields = Mapping[Key, Feature]
# Rows that are hashed at a time.
_PART = 2**14
Found = tuple[Spec, dict[str, Rows], dict[str, str], list[str], list[Dropped]]


def make_rows(
    data: Data, source: SourceData, chosen: Chosen, columns: Columns, features: Fields, fitted: Spec | None
) -> Found:
    """The splits of a source that has arrays. Train comes first, since its rows decide on classes and scales.

    Args:
        data: the section of the configuration.
        source: has `arrays`.
        chosen: which of its rows are in each split.
        columns: of every input and target, and of the weights.
        features: of every input and target.
        fitted: what was fitted before; the training rows decide where it is None.

    Returns:
        The spec, the splits, their fingerprints, notes, and the rows that were left out.

    Raises:
        RunError: if values cannot be used, naming the first row.
    """
    reader = _Reader(source, chosen, columns)
    keys = [key for key in columns if key != ("data", "weights")]
    decoders = {key: _decoder(data, features[key]) for key in keys if reader.encoding(key)}
    chosen, dropped = clean(data, chosen, columns, reader.read, features, decoders)
    reader = _Reader(source, chosen, columns)
    train = collect({key: partial(_of_train, data, reader, key, features[key], fitted) for key in keys})
    spec = Spec(
        {name: train["data", "inputs", name][0] for name in data.inputs},
        {name: train["data", "targets", name][0] for name in data.targets},
    )
    notes = [note for _, _, found in train.values() for note in found]
    made: dict[str, Rows] = {}
    fingerprint = {}
    for split in chosen:
        read = {key: values for key, (_, values, _) in train.items()}
        if split != "train":
            read = collect({key: partial(_of_split, reader, split, bound) for key, (bound, _, _) in train.items()})
        notes += [note for _, found in read.values() for note in found]
        made[split], fingerprint[split] = _split(data, reader, split, spec, read)
    return spec, made, fingerprint, list(dict.fromkeys(notes)), dropped


def origin_of(source: SourceData, fingerprints: Mapping[str, str]) -> Origin:
    """The identity of a source for the store: its own, or that of the examples which are read."""
    own = source.fingerprint or hashlib.sha256(repr(sorted(fingerprints.items())).encode()).hexdigest()
    starts, size = _starts(source)
    base_of = source.base
    if base_of is None:
        return Origin(source.name, own, size)

    def base(ids: np.ndarray) -> list[tuple[np.ndarray, BaseRows, np.ndarray]]:
        found = []
        for name, start in starts.items():
            there = np.flatnonzero((ids >= start) & (ids < start + (source.sizes[name] or 0)))
            if there.size:
                found.append((there, base_of(name), ids[there] - start))
        return found

    return Origin(source.name, own, size, base)


def _starts(source: SourceData) -> tuple[dict[str, int], int]:
    """The number of the first row of each split of a source, counted through all of them, and of all its rows."""
    starts, start = {}, 0
    for name, size in source.sizes.items():
        starts[name], start = start, start + (size or 0)
    return starts, start


class _Reader:
    """Reads columns of splits that are in arrays."""

    def __init__(self, source: SourceData, chosen: Chosen, columns: Columns) -> None:
        self._source, self._chosen, self._columns = source, chosen, columns

    def read(self, split: str, key: Key) -> tuple[np.ndarray, RowPlace]:
        """The columns of an input or target in a split, side by side, and where they are."""
        assert self._source.arrays is not None
        columns, pieces = self._columns[key], self._chosen[split]
        arrays = [[self._source.arrays(piece.split)[name] for piece in pieces] for name in columns]
        return joined(arrays, pieces), self.place(split, key)

    def place(self, split: str, key: Key) -> RowPlace:
        """Where the values of an input or target in a split come from."""
        return RowPlace(split, self._columns[key], self._chosen[split], key, self._source.place, self._source.base)

    def columns(self, key: Key) -> tuple[str, ...]:
        """The columns of an input or target."""
        return self._columns[key]

    def encoding(self, key: Key) -> str:
        """How its values are encoded; empty where they are what they stand for."""
        return self._source.fields[self._columns[key][0]].encoding

    def ids(self, split: str) -> np.ndarray:
        """The number of each row of a split, counted through all splits of the source."""
        starts, _ = _starts(self._source)
        return np.concatenate([starts[p.split] + numbers(p) for p in self._chosen[split]])


def _decoder(data: Data, feature: Feature) -> Callable[[Any], Any]:
    return lambda stored: data.inputs[feature.name].decode(stored, feature)


@dataclass(frozen=True)
class _Stored:
    """Values that are decoded when they are read: paths of files, or their contents."""

    values: np.ndarray


def _split(
    data: Data, reader: _Reader, split: str, spec: Spec, read: Mapping[Key, tuple[Any, list[str]]]
) -> tuple[Rows, str]:
    """A split of values that have been checked, and its fingerprint."""
    weighted = None if data.weights is None else weights.of_rows(*reader.read(split, ("data", "weights")))
    inputs = {name: read["data", "inputs", name][0] for name in data.inputs}
    stored = {name: x.values for name, x in inputs.items() if isinstance(x, _Stored)}
    targets = {name: read["data", "targets", name][0] for name in data.targets}
    by_target = {} if weighted is None else dict.fromkeys(data.targets, weighted)
    size = len(next(iter(targets.values())))
    held = {name: x for name, x in inputs.items() if name not in stored}
    batch, ids = Batch(held, targets, by_target, np.arange(size)), reader.ids(split)
    identities = {name: _identities(x) for name, x in stored.items()}
    digest = _digest([inputs | identities, targets, by_target])
    if not stored:
        return Rows(batch, ids=ids), digest
    places = {name: reader.place(split, spec.inputs[name].key) for name in stored}

    def decode(rows: np.ndarray) -> Tensors:
        return {name: decoded(spec.inputs[name], x[rows], rows, places[name]) for name, x in stored.items()}

    return Rows(batch, decode, ids, stored), digest


def decoded(bound: Input, stored: np.ndarray, rows: np.ndarray, place: RowPlace) -> np.ndarray:
    """Examples of an encoded column in their raw form; an array of arrays where their shapes differ.

    Args:
        bound: the input.
        stored: paths of files, or their contents.
        rows: the number of each in its split, for messages.
        place: where they are.

    Raises:
        RunError: naming the first that cannot be decoded.
    """
    found = []
    for value, row in zip(stored, rows, strict=True):
        try:
            found.append(bound.settings.decode(value, bound.feature))
        except ValueError as error:
            help = "replace it by a whole file, or leave it out with `data.clean: {drop: [unreadable]}`"
            raise place.run_error("damaged-file", f"{place.row(int(row))} cannot be decoded: {error}", help) from error
    if len({example.shape for example in found}) == 1:
        return np.stack(found)
    several = np.empty(len(found), object)
    several[:] = found
    return several


def _of_train(
    data: Data, reader: _Reader, key: Key, feature: Feature, fitted: Spec | None
) -> tuple[Input | Target, tuple[Any, list[str]], list[str]]:
    """An input or target, its values in the training rows with notes, and notes of what was fitted."""
    values, place = reader.read("train", key)
    bound, notes = _fitted(data, values, place, reader.columns(key), feature, fitted)
    return bound, _values(reader, bound, values, place), notes


def _fitted(
    data: Data, values: np.ndarray, place: RowPlace, columns: tuple[str, ...], feature: Feature, fitted: Spec | None
) -> tuple[Input | Target, list[str]]:
    """An input or target with what its training rows decide, or what was fitted before; and notes."""
    name, family = feature.name, place.key[1]
    before = None if fitted is None else (fitted.inputs if family == "inputs" else fitted.targets).get(name)
    if before is not None and before.kind == feature.kind:
        return replace(before, columns=columns), []
    if family == "inputs":
        given = data.inputs[name]
        feature, state, notes = given.fit(values, feature, place)
        return Input(feature, columns, state, settings=given), notes
    settings = data.targets[name]
    feature, state, notes = settings.fit(values, feature, place)
    return Target(feature, columns, state, settings=settings), notes


def _of_split(reader: _Reader, split: str, bound: Input | Target) -> tuple[Any, list[str]]:
    """Values of an input, or labels of a target, in a split as batches hold them, and what is worth a line."""
    return _values(reader, bound, *reader.read(split, bound.key))


def _values(reader: _Reader, bound: Input | Target, values: np.ndarray, place: RowPlace) -> tuple[Any, list[str]]:
    if isinstance(bound, Target):
        return bound.settings.encode(values, bound, place), []
    if reader.encoding(bound.key):
        return _Stored(values), bound.settings.notes(values, bound, place)
    return bound.settings.values(values, bound.feature, place), bound.settings.notes(values, bound, place)


def _digest(parts: list[Mapping[str, Any]]) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays."""
    digest = hashlib.sha256()
    for part in parts:
        for name, array in sorted(part.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            if array.dtype.hasobject:
                for value in array.reshape(-1).tolist():
                    content = value if isinstance(value, bytes) else str(value).encode()
                    digest.update(len(content).to_bytes(8) + content)
            else:
                # A part at a time: a view of windows is far larger than what it looks at.
                for start in range(0, len(array), _PART):
                    digest.update(np.ascontiguousarray(array[start : start + _PART]).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()


def _identities(stored: np.ndarray) -> np.ndarray:
    """What stands for encoded examples: their contents, or the names and sizes of their files, wherever those are."""
    values = stored.tolist()
    if not values or isinstance(values[0], bytes):
        return stored
    base = os.path.commonpath(values) if len(values) > 1 else str(Path(values[0]).parent)
    return np.array([f"{path[len(base) :].lstrip('/')} {Path(path).stat().st_size}" for path in values], object)
