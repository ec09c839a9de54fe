"""Opens the source of a configuration, cuts it into splits, and checks what is in them: the way to `Splits`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem
from dlkit.data.contract import Feature, Indexed, Spec, Split, Splits, in_memory
from dlkit.data.features import feature_without_source, input_feature, target_feature
from dlkit.data.splits import overlap, pieces, total
from dlkit.data.streams import make_stream
from dlkit.data.values import Place, classes_from, input_values, target_values
from dlkit.schema.data import AnyInput, AnyTarget, Data
from dlkit.schema.source import Piece, SourceData, SourceField
from dlkit.sources._given import open_given

SPLITS = ("train", "validation", "test")
Chosen = dict[str, tuple[Piece, ...]]


def load_splits(data: Data, *, given: Any = None) -> Splits:
    """The data of a run, read, checked and cut into splits.

    Args:
        data: the section of the configuration.
        given: examples from Python instead of `data.source`: by split, `(x, y)` of arrays, or dictionaries of arrays
            by name, or an unbatched `tf.data.Dataset` of such pairs; `(x, y)` alone means training.

    Returns:
        Splits that share the source's arrays where they can.

    Raises:
        ConfigError: the configuration does not fit the source: names, slices, shapes, classes.
        RunError: the data cannot be read, or hold what cannot be trained on.
    """
    source = open_source(data, given=given)
    fitted = _collect({"features": partial(_features, data, source), "chosen": partial(choose, data, source.sizes)})
    features: dict[Key, Feature] = fitted["features"]
    chosen: Chosen = fitted["chosen"]
    notes = [*source.notes, *_overlap_notes(chosen)]
    fingerprint = {}
    splits: dict[str, Split] = {}
    if source.arrays is None:
        _classes_known(features)
        for split, parts in chosen.items():
            splits[split] = make_stream(source, parts, features, _fields(data), data)
            fingerprint[split] = _sha256(f"{source.name} {parts} {sorted(source.fields.items())}".encode())
    else:
        for split, parts in chosen.items():  # train comes first, and may tell the classes
            splits[split], features, new = _indexed(split, source, parts, features, data)
            notes += [note for note in new if note not in notes]
            fingerprint[split] = _digest(splits[split])
    notes += [
        f"{split} holds the very examples of train: its figures say nothing of new ones"
        for split in ("validation", "test")
        if fingerprint.get(split) == fingerprint["train"]
    ]
    sizes = {split: made.size for split, made in splits.items()}
    spec = _spec(data, features, sizes)
    return Splits(spec, splits["train"], splits.get("validation"), splits.get("test"), tuple(notes), fingerprint)


def load_spec(data: Data) -> Spec | None:
    """What is known of the data without reading any example, or None if that is too little to build a model.

    It is known where the source can describe itself, as sets of the TFDS catalogue can, and where the configuration
    states `shape` for every input and `classes` for every category.

    Raises:
        ConfigError: the configuration does not fit the source.
    """
    source = None if data.source is None else data.source.describe()
    if source is None:
        stated = {key: feature_without_source(str(key[2]), _settings(data, key)) for key in _fields(data)}
        known = {key: feature for key, feature in stated.items() if feature is not None}
        return _spec(data, known, {}) if len(known) == len(stated) else None
    sizes: dict[str, int | None] = {}
    if source.sizes:
        sizes = {split: total(parts) for split, parts in choose(data, source.sizes).items()}
    features = _features(data, source)
    if any(feature.kind == "category" and not feature.classes for feature in features.values()):
        return None
    return _spec(data, features, sizes)


def open_source(data: Data, *, given: Any = None) -> SourceData:
    """The source of a configuration, opened; see `load_splits` for the arguments."""
    if given is not None:
        return open_given(given, data.wanted(), splits_stated=data.splits is not None)
    if data.source is None:
        help = "add `source: {kind: tfds, name: mnist}` or another, or give arrays in Python"
        raise ConfigError(Problem("no-source", "the configuration names no source of data", ("data",), help=help))
    return data.source.open(data.wanted())


def choose(data: Data, sizes: Mapping[str, int | None]) -> Chosen:
    """The pieces of train, validation and test; by default the source's splits of those names.

    Raises:
        ConfigError: slices that do not fit the source, or training examples that are evaluated on as well.
    """
    if data.splits is None:
        slices = {split: split for split in SPLITS if split in sizes or split == "train"}
    else:
        stated = {split: getattr(data.splits, split) for split in SPLITS}
        slices = {split: text for split, text in stated.items() if text is not None}
    key: Key = ("data", "splits")
    chosen = _collect({split: partial(pieces, text, sizes, (*key, split)) for split, text in slices.items()})
    problems = [
        Problem(
            "overlapping-splits",
            f"{'some' if shared is None else f'{shared:,}'} examples of {split} are training examples too, "
            "which makes its figures worthless",
            (*key, split),
            help="cut the slices so that they do not meet, as in `train[:90%]` and `train[90%:]`",
        )
        for split in ("validation", "test")
        if split in chosen and (shared := overlap(chosen["train"], chosen[split])) != 0
    ]
    if problems:
        raise ConfigError(problems)
    return chosen


def _overlap_notes(chosen: Chosen) -> list[str]:
    if "validation" in chosen and "test" in chosen and overlap(chosen["validation"], chosen["test"]) != 0:
        return ["validation and test share examples, so the test figures are of examples that chose the best epoch"]
    return []


def _fields(data: Data) -> dict[Key, str]:
    """Field in the source by path of the input's or target's settings."""
    inputs: dict[Key, str] = {("data", "inputs", name): _column(name, s) for name, s in data.inputs.items()}
    return inputs | {("data", "targets", name): _column(name, s) for name, s in data.targets.items()}


def _column(name: str, settings: AnyInput | AnyTarget) -> str:
    (column,) = settings.wanted(name)
    return column


def _settings(data: Data, key: Key) -> AnyInput | AnyTarget:
    name = str(key[2])
    return data.inputs[name] if key[1] == "inputs" else data.targets[name]


def _known_fields(data: Data, fields: Collection[str]) -> None:
    problems = []
    for key, field in _fields(data).items():
        if field not in fields:
            place = (*key, "column") if field != key[-1] else key
            help = did_you_mean(field, fields, "its fields are")
            help += "" if field != key[-1] else "; name it with `column:` if it differs from the name here"
            problems.append(Problem("unknown-field", f"the source has no field `{field}`", place, help=help))
    if problems:
        raise ConfigError(problems)


def _features(data: Data, source: SourceData) -> dict[Key, Feature]:
    """Features by path of their settings."""
    _known_fields(data, source.fields)
    one_hot = source.arrays is not None

    def feature(key: Key, field: SourceField) -> Feature:
        name = str(key[2])
        if key[1] == "inputs":
            return input_feature(name, data.inputs[name], field)
        return target_feature(name, data.targets[name], field, one_hot=one_hot)

    return _collect({key: partial(feature, key, source.fields[field]) for key, field in _fields(data).items()})


def _indexed(
    split: str, source: SourceData, parts: tuple[Piece, ...], features: dict[Key, Feature], data: Data
) -> tuple[Indexed, dict[Key, Feature], list[str]]:
    """One split in memory, the features with their classes, and notes."""
    assert source.arrays is not None
    whole = {piece.split: source.arrays(piece.split) for piece in parts}
    features, notes = dict(features), []

    def values(key: Key, field: str) -> np.ndarray:
        slices = [whole[piece.split][field][piece.start : piece.stop] for piece in parts]
        array = slices[0] if len(slices) == 1 else np.concatenate(slices)
        place = Place(split, field, parts, key)
        feature = features[key]
        if key[1] == "inputs":
            return input_values(array, feature, place)
        stated = getattr(_settings(data, key), "classes", None) is not None
        labels, note = target_values(array, feature, place, stated=stated)
        notes.extend([note] if note else [])
        if feature.kind == "category" and not feature.classes:
            features[key] = replace(feature, classes=classes_from(labels, feature, place))
            if labels.min() > 0:
                notes.append(
                    f"no training example of `{feature.name}` has a label below {labels.min()}; they count from 0"
                )
        return labels

    columns = _collect({key: partial(values, key, field) for key, field in _fields(data).items()})
    inputs = {name: columns["data", "inputs", name] for name in data.inputs}
    targets = {name: columns["data", "targets", name] for name in data.targets}
    return in_memory(inputs, targets), features, notes


def _classes_known(features: Mapping[Key, Feature]) -> None:
    problems = [
        Problem(
            "classes-unknown",
            f"the number of classes of `{feature.name}` is not known before the whole stream is read",
            (*key, "classes"),
            help="state it, as in `classes: 10`",
        )
        for key, feature in features.items()
        if feature.kind == "category" and not feature.classes
    ]
    if problems:
        raise ConfigError(problems)


def _spec(data: Data, features: Mapping[Key, Feature], sizes: Mapping[str, int | None]) -> Spec:
    inputs = {name: features["data", "inputs", name] for name in data.inputs}
    targets = {name: features["data", "targets", name] for name in data.targets}
    return Spec(inputs, targets, sizes)


def _collect(makers: Mapping[Any, Callable[[], Any]]) -> dict[Any, Any]:
    """Call every maker, and raise the problems of all that failed together."""
    made, errors = {}, []
    for key, make in makers.items():
        try:
            made[key] = make()
        except DlkitError as error:
            errors.append(error)
    if errors:
        worst = max((type(error) for error in errors), key=lambda kind: kind.exit_status)
        raise worst([problem for error in errors for problem in error.problems])
    return made


def _digest(split: Split) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays."""
    digest = hashlib.sha256()
    assert isinstance(split, Indexed) and split.arrays is not None
    for part in split.arrays[:3]:
        for name, array in sorted(part.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
