"""What a model says of examples: the one result that a run's test, `evaluate`, `predict` and the saved tables read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np

from dlkit.config.problems import DlkitError
from dlkit.data.bound import Target
from dlkit.files import disk_errors, written_aside

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RowPlaces(Sequence[str]):
    """Places of examples that only have numbers: `test[17]`, made when they are asked for.

    Attributes:
        name: of the split or file.
        rows: int64, shape (n,).
    """

    name: str
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return RowPlaces(self.name, self.rows[index])
        return f"{self.name}[{self.rows[index]}]"


@dataclass(frozen=True)
class Predictions:
    """What a model says of some examples.

    Attributes:
        targets: what is predicted, by name.
        rows: int64, shape (n,): number of each example in its split, or among the examples of the files.
        places: where each example comes from: `test[17]`, `cats/012.png`, `images.npy[3]`.
        results: by target, float32: probabilities of shape (n, classes) for a category, (n, 1) for yes or no; numbers
            for a regression, (n, numbers).
        labels: by target, what is known to be true, shape (n, ...); empty where nothing is.
        losses: by target, float32, shape (n,): loss of each example, without weights; empty where there are no labels.
        weights: by target, float32, shape (n,): how much each example counts; empty where each counts once.
        notes: what is worth a line about the examples, such as sequences that were cut.
        unusable: the error that names the files which cannot be used; None where all were.
    """

    targets: Mapping[str, Target]
    rows: np.ndarray
    places: Sequence[str]
    results: Arrays
    labels: Arrays = field(default_factory=dict)
    losses: Arrays = field(default_factory=dict)
    weights: Arrays = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unusable: DlkitError | None = None

    def __len__(self) -> int:
        return len(self.rows)


def joined(parts: Iterable[Predictions]) -> Predictions:
    """Predictions one after the other.

    Args:
        parts: at least one, of the same targets.
    """
    found = list(parts)
    first = found[0]

    def join(arrays: Sequence[Arrays]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([part[name] for part in arrays]) for name in arrays[0]}

    rows = np.concatenate([part.rows for part in found])
    named = first.places
    places: Sequence[str] = (
        RowPlaces(named.name, rows)
        if isinstance(named, RowPlaces)
        and all(isinstance(part.places, RowPlaces) and part.places.name == named.name for part in found)
        else [place for part in found for place in part.places]
    )
    return Predictions(
        first.targets,
        rows,
        places,
        join([part.results for part in found]),
        join([part.labels for part in found]),
        join([part.losses for part in found]),
        join([part.weights for part in found]),
        tuple(note for part in found for note in part.notes),
    )


def save_arrays(path: Path, predictions: Predictions) -> None:
    """Write predictions as a `.npz` file, whole or not at all; see `write_arrays`.

    Raises:
        RunError: if the disk refuses it.
    """
    size = sum(array.nbytes for arrays in (predictions.results, predictions.labels) for array in arrays.values())
    with disk_errors(path, size):
        path.parent.mkdir(exist_ok=True)
        with written_aside(path) as aside:
            write_arrays(aside, predictions)


def write_arrays(path: Path, predictions: Predictions) -> None:
    """Write predictions into a file as `.npz` files are, whatever its name.

    It holds `input` (places) and `row`; by target `<target>_result`, and where they are known `<target>_label`,
    `<target>_loss`, `<target>_weight` and `<target>_classes`.
    """
    arrays = {"input": np.array(list(predictions.places)), "row": predictions.rows}
    for name, target in predictions.targets.items():
        arrays[f"{name}_result"] = predictions.results[name]
        known = {"label": predictions.labels, "loss": predictions.losses, "weight": predictions.weights}
        arrays |= {f"{name}_{word}": values[name] for word, values in known.items() if name in values}
        if target.classes:
            arrays[f"{name}_classes"] = np.array(target.classes)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
