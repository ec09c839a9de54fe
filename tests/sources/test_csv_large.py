"""Tables in text files that are larger than what is held in memory: the same values, from mapped files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlkit import mapped
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.mapped import is_mapped
from dlkit.schema.data import Data
from dlkit.sources import csv as csv_source
from tests.sources.tables import source

ROWS = 3000


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table that is read in many parts; each column has its own way to become an array."""
    monkeypatch.setenv("DLKIT_CACHE", str(tmp_path / "store"))
    monkeypatch.setattr(csv_source, "BLOCK", 2**12)
    lines = ["whole,number,late,gaps,word,name,note,y"]
    for n in range(ROWS):
        late = f"{n}.5" if n > ROWS - 5 else str(n)
        gap, note = "" if n % 7 == 0 else str(n / 3), "'a long note\nof two lines' " * 3 + str(n % 5)
        lines.append(f'{n * 10**12},{n / 8},{late},{gap},{"äöü"[n % 3]},person {n},"{note}",{n % 2}')
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "a.csv"


def arrays(path: Path) -> Any:
    """The columns of a file."""
    opened = source(path).open(("*",))
    assert opened.arrays is not None
    return opened.arrays("train")


def test_columns_above_the_limit_are_mapped_and_hold_the_same(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = arrays(table)
    monkeypatch.setattr(mapped, "LIMIT", 4000)
    large = arrays(table)
    assert {name for name, array in large.items() if is_mapped(array)} == set(large) - {"note"}  # which is long
    assert not any(is_mapped(array) for array in small.values())
    for name, array in small.items():
        assert array.dtype == large[name].dtype
        np.testing.assert_array_equal(large[name], array)
    assert small["whole"].tolist() == [n * 10**12 for n in range(ROWS)]
    assert small["late"].dtype == np.float64
    assert small["name"][-1] == f"person {ROWS - 1}"
    assert list((table.parent / "store").iterdir()) == []


@pytest.mark.parametrize("splits", [{"validation": "20%"}, {"train": "train[100:]", "validation": "train[:100]"}])
def test_training_reads_the_same_from_mapped_columns(
    table: Path, monkeypatch: pytest.MonkeyPatch, splits: dict[str, str]
) -> None:
    number = {"kind": "number", "columns": ["number", "late", "gaps"], "preprocess": ["fill_missing", "normalize"]}
    data = Data.model_validate(
        {
            "source": {"kind": "csv", "path": str(table)},
            "inputs": {"x": number, "word": {"kind": "category"}},
            "targets": {"y": {"kind": "category"}},
            "splits": splits,
        }
    )
    small = fit_and_stage(load_splits(data), data)[1]
    monkeypatch.setattr(mapped, "LIMIT", 4000)
    large = fit_and_stage(load_splits(data), data)[1]
    assert large.fingerprint == small.fingerprint
    assert large.spec == small.spec
    assert is_mapped(large.train.held.inputs["x"])  # type: ignore[union-attr]


def test_where_the_store_takes_nothing_a_note_says_so(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "LIMIT", 4000)
    (table.parent / "store").write_text("a file")
    opened = source(table).open(("number",))
    (note,) = [note for note in opened.notes if "store" in note]
    assert note.startswith(f"`number` is held in memory, since nothing can be written to {table.parent / 'store'} (")
    assert opened.arrays is not None
    assert len(opened.arrays("train")["number"]) == ROWS
