"""Bad data in a file: one message at the setting that reads it, and no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

ROWS = 40
CONFIG = """\
name: bad
data:
  source: {kind: npz, path: PATH}
  inputs:
    word: {kind: category}
    walk: {kind: sequence}
    size: {kind: number}
  targets: {y: {kind: category}}
model: {builder: mlp, dense: [4]}
training: {epochs: 1}
"""


def arrays() -> dict[str, np.ndarray]:
    """Three inputs and a label, in training and test."""
    walk = np.random.default_rng(0).normal(size=(ROWS, 6))
    walk[::2, 4:] = np.nan
    part = {
        "word": np.array(["a", "b"] * (ROWS // 2)),
        "walk": walk,
        "size": np.arange(ROWS) * 1.0,
        "y": np.array(["no", "yes"] * (ROWS // 2)),
    }
    return {f"{name}_{split}": array.copy() for name, array in part.items() for split in ("train", "test")}


@pytest.mark.parametrize(
    ("name", "row", "value", "code", "says"),
    [
        ("y_test", 9, "may", "unknown-label", "row 9 of `test` has the label `may`, which no training row has"),
        ("walk_train", (3, 2), np.nan, "nan-inside", "row 3 of `train` has NaN at step 2, before its end"),
        ("walk_test", 5, np.nan, "empty-sequence", "row 5 of `test` is a sequence of padding alone"),
        ("size_test", 8, np.nan, "not-finite", "the first is row 8 of `test` (nan)"),
    ],
)
def test_a_value_is_named_at_the_setting_that_reads_it(
    dlkit: Callable[..., Result], tmp_path: Path, name: str, row: Any, value: Any, code: str, says: str
) -> None:
    found = arrays()
    found[name] = found[name].astype("U3") if found[name].dtype.kind == "U" else found[name]
    found[name][row] = value
    np.savez(tmp_path / "bad.npz", **found)  # type: ignore[arg-type]
    (tmp_path / "bad.yaml").write_text(CONFIG.replace("PATH", str(tmp_path / "bad.npz")))
    for verb in ("check", "train"):
        result = dlkit(verb, tmp_path / "bad.yaml")
        assert result.exit_code == 1, result.output
        assert f"error[{code}]" in result.stderr
        assert says in result.stderr
        assert f"{name.partition('_')[0]}: {{kind" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_new_category_is_unknown_counted_and_said(dlkit: Callable[..., Result], tmp_path: Path) -> None:
    found = arrays()
    found["word_test"][4:7] = "c"
    np.savez(tmp_path / "new.npz", **found)  # type: ignore[arg-type]
    (tmp_path / "new.yaml").write_text(CONFIG.replace("PATH", str(tmp_path / "new.npz")))
    result = dlkit("check", tmp_path / "new.yaml")
    assert result.exit_code == 0, result.output
    assert "test: 3 of 40 rows have a value of `word` that training does not know" in " ".join(result.stdout.split())
