"""Where the line runs between a configuration that is wrong (2) and data that are (1)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

Dlkit = Callable[..., Result]


def whole(folder: Path, **changes: Any) -> Path:
    """A file of data that can be trained on, but for the changes."""
    x, y = np.zeros((40, 28, 28, 1), np.float32), np.arange(40) % 10
    arrays = {f"{field}_{split}": array for split in ("train", "test") for field, array in (("x", x), ("y", y))}
    arrays |= {name: change(arrays[name].copy()) for name, change in changes.items()}
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def at(index: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    """Put a value at the beginning of a row."""

    def change(array: np.ndarray) -> np.ndarray:
        array.reshape(len(array), -1)[index, 0] = value
        return array

    return change


def cut(folder: Path) -> None:
    path = whole(folder)
    path.write_bytes(path.read_bytes()[:-200])


DAMAGED = {
    "cut short": cut,
    "no archive": lambda folder: (folder / "data.npz").write_bytes(b"not an archive"),
    "empty": lambda folder: (folder / "data.npz").write_bytes(b""),
    "NaN": lambda folder: whole(folder, x_train=at(3, np.nan)),
    "a label above": lambda folder: whole(folder, y_train=at(3, 10)),
    "a label below": lambda folder: whole(folder, y_test=at(3, -1)),
    "half a label": lambda folder: whole(folder, y_train=lambda y: y + 0.5),
    "lengths": lambda folder: whole(folder, y_train=lambda y: y[:-1]),
    "objects": lambda folder: whole(folder, x_train=lambda x: np.array([None] * 40, object)),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_data_that_are_damaged_or_unfit_end_with_1(dlkit: Dlkit, tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    damage(tmp_path)
    result = dlkit("check", "small.yaml", f"data.source.path={tmp_path / 'data.npz'}")
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "word",
    [
        "data.source.path={folder}/none.npz",
        "data.source.path={folder}",
        "data.inputs.image.column=z",
        "data.inputs.image={{kind: image, column: x, shape: [32, 32, 1]}}",
        "data.splits={{train: train, test: exam}}",
        "data.splits={{train: 'train[:100]', test: test}}",
        "data.source={{kind: tfds, name: no_such_set}}",
    ],
)
def test_what_the_configuration_names_and_is_not_there_ends_with_2(dlkit: Dlkit, tmp_path: Path, word: str) -> None:
    path = whole(tmp_path)
    result = dlkit("check", "small.yaml", f"data.source.path={path}", word.format(folder=tmp_path))
    assert result.exit_code == 2, result.output
    assert "error[" in result.stderr
