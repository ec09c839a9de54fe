"""Which source reads what the user names, and its columns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.config.names import did_you_mean
from dlkit.config.phrases import count, listed
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.column import fitting
from dlkit.schema.guess import Asked, Sample, SourceGuess
from dlkit.schema.marked import with_paths
from dlkit.schema.source import SOURCES, Piece, SourceData, SourceSettings, Wanted
from dlkit.sources._files import must_be_file

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
elements, data_values = lazy("dlkit.elements"), lazy("dlkit.data.values")

# Examples of a stream that are looked at.
FIRST_OF_STREAM = 2_000
# What a folder holds is in doubt where the second best source fits at least so well.
RIVAL = 0.1


@dataclass(frozen=True)
class Found:
    """A source that was found and opened.

    Attributes:
        guess: the source that was chosen, as the configuration will have it.
        settings: it, as it was opened.
        other: the next best one, where there is one.
        data: what it gives: every column.
        columns: by name, in the order of the source; without those that cannot be read.
        left_out: names of columns that the source leaves out, or that cannot be read, with the reason.
        unreadable: why some of its files cannot be read; empty where all can.
    """

    guess: SourceGuess
    settings: SourceSettings
    other: SourceGuess | None
    data: SourceData
    columns: Mapping[str, Sample]
    left_out: Mapping[str, str]
    unreadable: str = ""


def find(asked: Asked, folder: Path) -> Found:
    """The source that fits best, opened.

    Args:
        asked: what the user wants a configuration for.
        folder: where the configuration will lie, from where its relative paths start.

    Raises:
        ConfigError: there is no such file, folder or set.
        RunError: no source reads it, several do, or it is broken.
    """
    guesses = _guesses(asked)
    if not guesses:
        raise _nothing(asked)
    best, *others = guesses
    path = asked.path
    if path is not None and path.is_dir() and others and others[0].score >= RIVAL:
        shares = listed([f"{guess.score / 0.9:.0%} as {guess.reason}" for guess in guesses[:2]])
        message = f"the files of {asked.given} are of several kinds: {shares}"
        help = "name a folder that holds files of one kind"
        raise RunError(Problem("mixed-folder", message, help=help))
    settings = _typed(best)
    data, arrays, unreadable = _opened(settings)
    columns, left_out = _columns(data, arrays, best)
    written = [_below(folder, guess) for guess in guesses[:2]]
    return Found(written[0], settings, written[1] if others else None, data, columns, left_out, unreadable)


def _guesses(asked: Asked) -> list[SourceGuess]:
    """Every source that reads what is given, the best one first."""
    found = [guess for name in SOURCES.names() if (guess := SOURCES[name].guess(asked)) is not None]
    return sorted(found, key=lambda guess: -guess.score)


def _typed(guess: SourceGuess) -> SourceSettings:
    return SOURCES[guess.settings["kind"]].model_validate(dict(guess.settings))


def _below(folder: Path, guess: SourceGuess) -> SourceGuess:
    """The same with its paths as a configuration in that folder states them."""

    def written(path: str) -> str:
        return path if Path(path).is_absolute() else Path(os.path.relpath(path, folder)).as_posix()

    return replace(guess, settings=with_paths(_typed(guess), guess.settings, written))


# Columns by name, by split of the source.
Arrays = Mapping[str, Mapping[str, Any]]


def _opened(settings: SourceSettings) -> tuple[SourceData, Arrays, str]:
    """The source, all that it holds, and why some of its files cannot be read."""
    try:
        return *_read(settings, cleans_unreadable=False), ""
    except RunError as error:
        try:
            return *_read(settings, cleans_unreadable=True), error.problems[0].message
        except RunError:
            raise error from None


def _read(settings: SourceSettings, *, cleans_unreadable: bool) -> tuple[SourceData, Arrays]:
    """The source with all of its columns, in its own order: patterns would give that of the alphabet."""
    names = settings.open(Wanted((), (), cleans_unreadable=cleans_unreadable))
    every = tuple(dict.fromkeys([*names.fields, *names.others]))
    data = settings.open(Wanted(every, (), cleans_unreadable=cleans_unreadable))
    if data.arrays is None:
        return data, {(split := _trained_on(data)): _first(data, split)}
    arrays = {name: data.arrays(name) for name in data.sizes}
    if not cleans_unreadable:
        return data, arrays
    return data, {split: _without_unreadable(some) for split, some in arrays.items()}


def _without_unreadable(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns without the rows that have a value that cannot be read."""
    wrong = np.any([data_values.unreadable(column) for column in columns.values()], axis=0)
    return {name: column[~wrong] for name, column in columns.items()}


def _trained_on(data: SourceData) -> str:
    """The split that is trained on."""
    return "train" if "train" in data.sizes else next(iter(data.sizes), "train")


def _columns(data: SourceData, arrays: Arrays, guess: SourceGuess) -> tuple[dict[str, Sample], dict[str, str]]:
    """Samples of the columns, and which are left out."""
    split = _trained_on(data)
    left_out = {
        name: reason for pattern, reason in guess.left_out.items() for name in fitting(pattern, list(data.fields))
    }
    for name in (*data.fields, *data.others):
        if name not in arrays[split]:
            left_out.setdefault(name, "its values are of a type that is not read")
    rows = data.sizes.get(split)
    columns = {
        name: Sample(
            name, field, values := np.asarray(arrays[split][name]), len(values) if rows is None else rows,
            tuple(np.asarray(some[name]) for other, some in arrays.items() if other != split and name in some),
        )
        for name, field in data.fields.items() if name in arrays[split] and name not in left_out
    }  # fmt: skip
    return columns, left_out


def _first(data: SourceData, split: str) -> dict[str, np.ndarray]:
    """The first examples of a stream."""
    assert data.stream is not None
    found: dict[str, list[Any]] = {}
    for example in islice(elements.elements(data.stream([Piece(split, 0, FIRST_OF_STREAM)], None)), FIRST_OF_STREAM):
        for name, value in example.items():
            found.setdefault(name, []).append(value.numpy())
    arrays = {}
    for name, values in found.items():
        if isinstance(values[0], bytes):
            values = [value.decode("utf-8", "replace") for value in values]
        if len({np.shape(value) for value in values}) == 1:
            arrays[name] = np.array(values, object if isinstance(values[0], str) else None)
    return arrays


def _nothing(asked: Asked) -> ConfigError | RunError:
    """The error for what no source reads."""
    path, given = asked.path, Path(asked.given).expanduser()
    if given.is_symlink() or (path is not None and not path.is_dir()):
        must_be_file(given, (), (".csv",))
    if path is None:
        beside = [p.name for p in given.parent.iterdir()] if given.parent.is_dir() else []
        names = [name for kind in SOURCES.names() for name in SOURCES[kind].set_names()]
        message = f"there is no file or folder {asked.given}, and no data set of this name on this machine"
        known = beside if len(given.parts) > 1 else [*beside, *names]
        help = did_you_mean(given.name, known, "there is") if known else "check the path"
        return ConfigError(Problem("missing-file", message, help=help))
    help = "name a CSV, Parquet, .ts or .npz file, or a folder of images or texts with a folder for each class"
    if path.is_file():
        message = f"no source reads a file such as {asked.given}"
        return RunError(Problem("unknown-data", message, help=help))
    endings: dict[str, int] = {}
    for below in islice((p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")), 10_000):
        endings[below.suffix or below.name] = endings.get(below.suffix or below.name, 0) + 1
    if not endings:
        return RunError(Problem("unknown-data", f"the folder {asked.given} holds no files", help="check the path"))
    most = sorted(endings.items(), key=lambda item: -item[1])[:3]
    what = ", ".join(f"{number:,} `{ending}`" for ending, number in most)
    message = f"no source reads the folder {asked.given} as a whole: {count(sum(endings.values()), 'file')} ({what})"
    return RunError(Problem("unknown-data", message, help="name one of its files; or " + help.removeprefix("name ")))
