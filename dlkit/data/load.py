"""Opens the source of a configuration, cuts it into splits, and checks what is in them: the way to `Splits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data import weights
from dlkit.data.base_rows import refuse_seen_windows
from dlkit.data.bound import Input, Spec, Target
from dlkit.data.choose import SPLITS, Pieces, choose, overlap_notes
from dlkit.data.collect import collect
from dlkit.data.columns import Columns, resolve, side_by_side
from dlkit.data.contract import Dropped, Split, Splits
from dlkit.data.divide import counts, divide, groups_of
from dlkit.data.rows import make_rows, origin_of
from dlkit.data.splits import total
from dlkit.data.streams import make_streams, stream_fingerprints
from dlkit.schema.data import Data
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.source import SourceData, SourceRows
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
    pieces: Pieces = found["chosen"]
    chosen, more = divide(data, source, dict(pieces))
    refuse_seen_windows(source, chosen)
    notes = [*source.notes, *overlap_notes(pieces), *more]
    made: Mapping[str, Split]
    dropped: list[Dropped] = []
    if source.arrays is None:
        spec = _with_states(_without_labels(data, columns, features), fitted)
        made, fingerprint, origin = make_streams(source, pieces, spec, data), stream_fingerprints(source, pieces), None
    else:
        spec, made, fingerprint, more, dropped = make_rows(data, source, chosen, columns, features, fitted)
        notes, origin = [*notes, *(one.note for one in dropped), *more], origin_of(source, fingerprint)
    notes += [
        f"{split} holds the same examples as train: its figures say nothing of new ones"
        for split in ("validation", "test")
        if fingerprint.get(split) == fingerprint["train"]
    ]
    spec = replace(spec, sizes={split: found.size for split, found in made.items()})
    splits = Splits(spec, made["train"], made.get("validation"), made.get("test"), tuple(notes), fingerprint, origin)
    place = None if source.place is None else SourceRows(dict(source.sizes), source.place)
    return replace(splits, dropped=tuple(dropped), place=place, groups=groups_of(data, source))


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
        sizes = _divided(data, {split: total(parts) for split, parts in choose(data, source.sizes).items()})
    columns, features = _features(data, source)
    try:
        spec = _without_labels(data, columns, features)
    except ConfigError:
        return None  # the training rows have to say more
    return replace(spec, sizes=sizes)


def _divided(data: Data, sizes: dict[str, int | None]) -> dict[str, int | None]:
    """Sizes of the splits after shares were taken of the training rows; None where that depends on values."""
    splits, size = data.splits, sizes["train"]
    if splits is None or not (splits.shares() or splits.folds):
        return sizes
    taken: dict[str, int | None] = {**counts(splits, size)} if size is not None else dict.fromkeys(splits.shares())
    known = size is not None and splits.by in (None, "share", "stratified")
    left = size - sum(count or 0 for count in taken.values()) if size is not None else None
    found = {**sizes, "train": left, **taken}
    return {s: found[s] if known else None for s in SPLITS if s in found}


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
        if column.encoding and not (key[1] == "inputs" and column.encoding in data.inputs[name].encodings):
            raise ConfigError(_encoded(name, column.encoding, key))
        if column.ragged and not (key[1] == "inputs" and len(columns[key]) == 1 and data.inputs[name].takes_ragged):
            raise ConfigError(_ragged(name, key))
        if key[1] == "inputs":
            return data.inputs[name].feature(name, column)
        return data.targets[name].feature(name, column, in_memory=in_memory)

    return columns, collect({key: partial(feature, key) for key in columns if key != ("data", "weights")})


def _encoded(name: str, encoding: str, key: Key) -> Problem:
    kinds = ", ".join(f"`kind: {kind}`" for kind in INPUTS.names() if encoding in INPUTS[kind].encodings)
    help = f"read it with {kinds}" if kinds else "take another column"
    return Problem(
        "field-type", f"the column of `{name}` holds {encoding} files, which its kind does not read", key, help=help
    )


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
