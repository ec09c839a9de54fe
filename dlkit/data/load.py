"""Opens the source of a configuration, cuts it into splits, and checks what is in them: the way to `Splits`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data import weights
from dlkit.data.bound import Input, Spec, Target
from dlkit.data.choose import Chosen, choose, overlap_notes
from dlkit.data.collect import collect
from dlkit.data.columns import Columns, joined, resolve, side_by_side
from dlkit.data.contract import Indexed, Split, Splits, in_memory
from dlkit.data.splits import total
from dlkit.data.streams import make_stream
from dlkit.data.values import RowPlace
from dlkit.schema.data import Data
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.source import SourceData
from dlkit.sources._given import open_given

Fields = Mapping[Key, Feature]


def load_splits(data: Data, *, given: Any = None, fitted: Spec | None = None) -> Splits:
    """The data of a run, read, checked and cut into splits.

    Args:
        data: the section of the configuration.
        given: examples from Python instead of `data.source`: by split, `(x, y)` of arrays, or dictionaries of arrays
            by name, or an unbatched `tf.data.Dataset` of such pairs; `(x, y)` alone means training.
        fitted: classes and scales that were fitted before, as those of a trained model; the training rows decide
            where it is None.

    Returns:
        Splits that share the source's arrays where they can.

    Raises:
        ConfigError: the configuration does not fit the source: names, slices, shapes, classes.
        RunError: the data cannot be read, or hold what cannot be trained on.
    """
    source = open_source(data, given=given)
    found = collect({"features": partial(_features, data, source), "chosen": partial(choose, data, source.sizes)})
    columns, features = found["features"]
    chosen: Chosen = found["chosen"]
    notes = [*source.notes, *overlap_notes(chosen)]
    made: dict[str, Split]
    if source.arrays is None:
        spec, made, fingerprint = _streams(data, source, chosen, columns, features)
        spec = _with_states(spec, fitted)
    else:
        spec, made, fingerprint, more = _arrays(data, source, chosen, columns, features, fitted)
        notes += more
    notes += [
        f"{split} holds the same examples as train: its figures say nothing of new ones"
        for split in ("validation", "test")
        if fingerprint.get(split) == fingerprint["train"]
    ]
    spec = replace(spec, sizes={split: found.size for split, found in made.items()})
    return Splits(spec, made["train"], made.get("validation"), made.get("test"), tuple(notes), fingerprint)


def load_spec(data: Data) -> Spec | None:
    """What is known of the data without reading any example, or None if that is too little to build a model.

    Raises:
        ConfigError: the configuration does not fit the source.
    """
    source = data.source.describe() if data.source is not None else None
    if source is None:
        stated = {name: settings.without_source(name) for name, settings in data.inputs.items()}
        labels = {name: settings.without_source(name) for name, settings in data.targets.items()}
        if None in stated.values() or None in labels.values():
            return None
        inputs = {name: Input(f, settings=data.inputs[name]) for name, f in stated.items() if f is not None}
        targets = {name: Target(f, settings=data.targets[name]) for name, f in labels.items() if f is not None}
        return Spec(inputs, targets)
    sizes: dict[str, int | None] = {}
    if source.sizes:
        sizes = {split: total(parts) for split, parts in choose(data, source.sizes).items()}
    columns, features = _features(data, source)
    try:
        spec = _without_labels(data, columns, features)
    except ConfigError:
        return None  # the training rows have to say more
    return replace(spec, sizes=sizes)


def open_source(data: Data, *, given: Any = None) -> SourceData:
    """The source of a configuration, opened; see `load_splits` for the arguments."""
    if given is not None:
        return open_given(given, data.wanted(), splits_stated=data.splits is not None)
    if data.source is None:
        help = "add `source: {kind: tfds, name: mnist}` or another, or give arrays in Python"
        raise ConfigError(Problem("no-source", "the configuration names no source of data", ("data",), help=help))
    return data.source.open(data.wanted())


def _features(data: Data, source: SourceData) -> tuple[Columns, dict[Key, Feature]]:
    """The columns and features of every input and target, by path of their settings."""
    columns = resolve(data, source.fields, source.others)
    if data.weights is not None:
        weights.check_column(side_by_side({name: source.fields[name] for name in columns["data", "weights"]}))
    in_memory = source.arrays is not None

    def feature(key: Key) -> Feature:
        name, column = str(key[2]), side_by_side({column: source.fields[column] for column in columns[key]})
        if column.ragged and not (key[1] == "inputs" and len(columns[key]) == 1 and data.inputs[name].takes_ragged):
            raise ConfigError(_ragged(name, key))
        if key[1] == "inputs":
            return data.inputs[name].feature(name, column)
        return data.targets[name].feature(name, column, in_memory=in_memory)

    return columns, collect({key: partial(feature, key) for key in columns if key != ("data", "weights")})


def _ragged(name: str, key: Key) -> Problem:
    kinds = ", ".join(f"`kind: {kind}`" for kind in INPUTS.names() if INPUTS[kind].takes_ragged)
    message = f"the examples of `{name}` differ in length, and its kind takes examples of one shape"
    return Problem(
        "shape-mismatch", message, key, help=f"cut or fill them up; inputs of {kinds} take different lengths"
    )


def _without_labels(data: Data, columns: Columns, features: Fields) -> Spec:
    """The spec where training rows are not looked through: what settings and source say has to be enough.

    Raises:
        ConfigError: if it is not.
    """

    def target(name: str, settings: Any) -> Target:
        key = ("data", "targets", name)
        return Target(features[key], columns[key], settings.fit_stream(features[key]), settings=settings)

    inputs = {
        name: Input(features["data", "inputs", name], columns["data", "inputs", name], settings=settings)
        for name, settings in data.inputs.items()
    }
    return Spec(inputs, collect({name: partial(target, name, s) for name, s in data.targets.items()}))


def _with_states(spec: Spec, fitted: Spec | None) -> Spec:
    """The spec of streams with what was fitted before: classes, scales, vocabularies."""
    if fitted is None:
        return spec

    def known(bound: Input | Target, before: Mapping[str, Any]) -> bool:
        return bound.name in before and before[bound.name].kind == bound.kind

    inputs = {
        name: replace(bound, state=fitted.inputs[name].state) if known(bound, fitted.inputs) else bound
        for name, bound in spec.inputs.items()
    }
    targets = {
        name: replace(bound, feature=fitted.targets[name].feature, state=fitted.targets[name].state)
        if known(bound, fitted.targets)
        else bound
        for name, bound in spec.targets.items()
    }
    return replace(spec, inputs=inputs, targets=targets)


def _streams(
    data: Data, source: SourceData, chosen: Chosen, columns: Columns, features: Fields
) -> tuple[Spec, dict[str, Split], dict[str, str]]:
    """Splits that are read from their start in every epoch."""
    spec = _without_labels(data, columns, features)
    made: dict[str, Split] = {split: make_stream(source, parts, spec, data) for split, parts in chosen.items()}
    fields = sorted(source.fields.items())
    fingerprint = {
        split: hashlib.sha256(f"{source.name} {parts} {fields}".encode()).hexdigest() for split, parts in chosen.items()
    }
    return spec, made, fingerprint


def _arrays(
    data: Data, source: SourceData, chosen: Chosen, columns: Columns, features: Fields, fitted: Spec | None
) -> tuple[Spec, dict[str, Split], dict[str, str], list[str]]:
    """Splits in memory. Train comes first, since its rows decide on classes and scales."""
    reader = _Reader(source, chosen, columns)
    keys = [key for key in columns if key != ("data", "weights")]
    train = collect({key: partial(_of_train, data, reader, key, features[key], fitted) for key in keys})
    spec = Spec(
        {name: train["data", "inputs", name][0] for name in data.inputs},
        {name: train["data", "targets", name][0] for name in data.targets},
    )
    notes = [note for _, _, found in train.values() for note in found]
    made: dict[str, Split] = {}
    fingerprint = {}
    for split in chosen:
        read = {key: values for key, (_, values, _) in train.items()}
        if split != "train":
            read = collect({key: partial(_of_split, reader, split, bound) for key, (bound, _, _) in train.items()})
        notes += [note for _, found in read.values() for note in found]
        weighted = None if data.weights is None else weights.of_rows(*reader.read(split, ("data", "weights")))
        made[split] = in_memory(
            {name: read["data", "inputs", name][0] for name in data.inputs},
            {name: read["data", "targets", name][0] for name in data.targets},
            {} if weighted is None else dict.fromkeys(data.targets, weighted),
        )
        fingerprint[split] = _digest(made[split])
    return spec, made, fingerprint, list(dict.fromkeys(notes))


class _Reader:
    """Reads columns of splits that are in memory."""

    def __init__(self, source: SourceData, chosen: Chosen, columns: Columns) -> None:
        self._source, self._chosen, self._columns = source, chosen, columns

    def read(self, split: str, key: Key) -> tuple[np.ndarray, RowPlace]:
        """The columns of an input or target in a split, side by side, and where they are."""
        assert self._source.arrays is not None
        columns, pieces = self._columns[key], self._chosen[split]

        def column(name: str) -> np.ndarray:
            slices = [self._source.arrays(p.split)[name][p.start : p.stop] for p in pieces]  # type: ignore[misc]
            return slices[0] if len(slices) == 1 else np.concatenate(slices)

        return joined([column(name) for name in columns]), RowPlace(split, columns, pieces, key)

    def columns(self, key: Key) -> tuple[str, ...]:
        """The columns of an input or target."""
        return self._columns[key]


def _of_train(
    data: Data, reader: _Reader, key: Key, feature: Feature, fitted: Spec | None
) -> tuple[Input | Target, tuple[np.ndarray, list[str]], list[str]]:
    """An input or target, its values in the training rows with notes, and notes of what was fitted."""
    values, place = reader.read("train", key)
    bound, notes = _fitted(data, values, place, reader.columns(key), feature, fitted)
    return bound, _as_in_batches(values, place, bound), notes


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


def _of_split(reader: _Reader, split: str, bound: Input | Target) -> tuple[np.ndarray, list[str]]:
    """Values of an input, or labels of a target, in a split as batches hold them, and notes."""
    return _as_in_batches(*reader.read(split, bound.key), bound)


def _as_in_batches(values: np.ndarray, place: RowPlace, bound: Input | Target) -> tuple[np.ndarray, list[str]]:
    """Columns of a source as batches hold them, and what is worth a line about an input's values."""
    if isinstance(bound, Target):
        return bound.settings.encode(values, bound, place), []
    return bound.settings.values(values, bound.feature, place), bound.settings.notes(values, bound, place)


def _digest(split: Split) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays."""
    digest = hashlib.sha256()
    assert isinstance(split, Indexed) and split.arrays is not None
    for part in split.arrays[:3]:
        for name, array in sorted(part.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()
