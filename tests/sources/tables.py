"""Helpers of the tests of tables in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlkit.config.problems import DlkitError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.sources.csv import CsvSource


def source(path: Path | str, content: str | bytes | None = None, **more: Any) -> CsvSource:
    """The settings of a source over a file with this content."""
    if content is not None:
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
    return CsvSource.model_validate({"kind": "csv", "path": str(path), **more})


def columns(opened: CsvSource, *wanted: str, split: str = "train") -> dict[str, list[Any]]:
    data = opened.open(wanted or ("*",))
    assert data.arrays is not None
    return {name: values.tolist() for name, values in data.arrays(split).items()}


def problem(opened: CsvSource, *wanted: str) -> Any:
    with pytest.raises(DlkitError) as caught:
        opened.open(wanted or ("*",))
    (found,) = caught.value.problems
    return found


def refused(path: Path, kind: str, column: str = "x", **more: Any) -> Any:
    """What is said where an input of this kind reads a column of a file."""
    data = {
        "source": {"kind": "csv", "path": str(path), **more},
        "inputs": {"x": {"kind": kind, "column": column}},
        "targets": {"y": {"kind": "category"}},
    }
    with pytest.raises(DlkitError) as caught:
        load_splits(Data.model_validate(data))
    return caught.value.problems[0]
