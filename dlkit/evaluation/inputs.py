"""Reads what a model predicts for: arrays, and files that the kind of its input reads, a few examples at a time.

A file that cannot be used is named, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.bound import Input
from dlkit.data.values import RowPlace
from dlkit.evaluation.files import ARRAYS, UnusableError, expand, read_by_some_kind, readable, table_endings, unusable
from dlkit.evaluation.from_arrays import ArrayFile, from_arrays, only_input
from dlkit.evaluation.from_tables import from_table
from dlkit.evaluation.trained import Trained
from dlkit.schema.column import is_pattern
from dlkit.schema.source import Piece, SourceSettings


@dataclass(frozen=True)
class Inputs:
    """Some examples that a model is given.

    Attributes:
        places: where each comes from: a file, or a file and the row in it.
        arrays: by input, the examples in its first axis.
        notes: what is worth a line about the file that begins here.
    """

    places: list[str]
    arrays: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()


def read_inputs(
    trained: Trained, paths: Sequence[Path], size: int, source: SourceSettings | None = None
) -> Iterator[Inputs]:
    """Read files for a model, a limited number of examples at a time, all of one shape.

    Args:
        trained: the model, which says what shape and type its inputs have.
        paths: files that the kind of the input reads, such as images; tables with the columns that the inputs read;
            `.npy` with one example or a row for each, or `.npz` with an array for each input by its name, or for each
            of its columns; folders of them, and patterns.
        size: examples at a time.
        source: of the training, whose settings hold for tables of its kind; None where it is not known.

    Raises:
        ConfigError: at the end, naming every file that cannot be used, and why, if one of them is not there.
        RunError: the same, if all of them are.
    """
    suffixes = readable(trained.spec)
    files, absent = expand(paths, suffixes)
    problems = list(absent)
    waiting: list[Inputs] = []
    for path in files:
        try:
            for found in _read(trained, path, suffixes, size, source):
                if waiting and (sum(len(i.places) for i in waiting) >= size or not _alike(waiting[0], found)):
                    yield _joined(waiting)
                    waiting = []
                waiting.append(found)
        except UnusableError as error:
            problems.append(Problem("unusable-input", f"{path}: {error}", help=error.help))
    if waiting:
        yield _joined(waiting)
    if problems:
        raise ConfigError(problems) if absent else RunError(problems)


def _alike(one: Inputs, other: Inputs) -> bool:
    """Whether examples can be in one batch."""
    return all(array.shape[1:] == other.arrays[name].shape[1:] for name, array in one.arrays.items())


def _joined(parts: list[Inputs]) -> Inputs:
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    notes = tuple(note for part in parts for note in part.notes)
    return Inputs([place for part in parts for place in part.places], arrays, notes)


def _read(
    trained: Trained, path: Path, suffixes: Sequence[str], size: int, source: SourceSettings | None
) -> Iterator[Inputs]:
    suffix, inputs = path.suffix.lower(), trained.spec.inputs
    of_kind = any(suffix in bound.settings.suffixes for bound in inputs.values())
    table = not of_kind and path.name.lower().endswith(table_endings(trained.spec))
    if table or suffix in ARRAYS:
        file = from_table(trained.spec, path, source) if table else from_arrays(inputs, path)
        rows = len(next(iter(file.by_input.values())))

        def part(start: int) -> dict[str, np.ndarray]:
            return {
                name: _values(inputs[name], array[start : start + size], path, start, file.words)
                for name, array in file.by_input.items()
            }

        for start in range(size, rows, size):
            part(start)  # a file with a row that cannot be used later on is not answered in part
        for start in range(0, rows, size):
            notes = () if start else (*file.notes, *_notes(trained, file, path))
            places = [file.place(path, row) for row in range(start, min(start + size, rows))]
            yield Inputs(places, part(start), notes)
    elif suffix in suffixes or read_by_some_kind(suffix):
        bound = only_input(inputs, tables=bool(table_endings(trained.spec)))
        if suffix not in suffixes:
            message = f"the model takes {bound.kind} input, which is not read from `{path.suffix}` files"
            raise UnusableError(message, f"give {', '.join(suffixes)}")
        with unusable(path):
            example = bound.settings.from_file(path, bound.feature)
        yield Inputs([str(path)], {bound.name: example[np.newaxis]})
    else:
        raise UnusableError(f"`{path.suffix}` is not a kind of file that can be read", f"give {', '.join(suffixes)}")


def _notes(trained: Trained, file: ArrayFile, path: Path) -> tuple[str, ...]:
    """What the kinds of the inputs have to say about a file: sequences that are cut, categories that are unknown."""
    bound = [trained.spec.inputs[name] for name in file.by_input]
    places = [RowPlace(str(path), _names(i), (Piece(path.name, 0, None),), i.key, file.words) for i in bound]
    with unusable(path):
        found = [i.settings.notes(file.by_input[i.name], i, place) for i, place in zip(bound, places, strict=True)]
    return tuple(note for notes in found for note in notes)


def _names(bound: Input) -> Sequence[str]:
    """What messages call the values of an input: each of its columns, where they are known, or the input."""
    columns = bound.settings.wanted(bound.name)
    return columns if len(columns) > 1 and not any(map(is_pattern, columns)) else (bound.name,)


def _values(
    bound: Input, rows: np.ndarray, path: Path, first: int, words: Callable[[str, int], str] | None
) -> np.ndarray:
    """Rows of a file, from number `first` on, as the model takes them."""
    place = RowPlace(str(path), _names(bound), (Piece(path.name, first, None),), bound.key, words)
    if rows.dtype.kind == "f":
        holes = bound.settings.nan_allowed(bound.feature)
        right = np.isfinite(rows) | (np.isnan(rows) & holes)
        if not right.all():
            row = int(np.flatnonzero(~right.reshape(len(rows), -1).all(axis=1))[0])
            wrong = int(np.flatnonzero(~right[row].reshape(-1))[0])
            value = rows[row].reshape(-1)[wrong]
            where = f"row {first + row}" if words is None else words(path.name, first + row)
            within = place.within(wrong, rows[row].size)
            help = "correct it, or leave the row out"
            if np.isnan(value) and len(bound.shape) == 1:
                help += "; a model that is trained with `fill_missing` takes rows with holes"
            raise UnusableError(f"it holds values that are not finite numbers: {where} has {value}{within}", help)
    with unusable(path):
        return np.asarray(bound.settings.values(rows, bound.feature, place))
