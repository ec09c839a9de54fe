"""`dlkit cache` lists and deletes what runs have kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dlkit.cli import app
from dlkit.data.store import About, Entry


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A store with one entry, of which seven rows are there."""
    monkeypatch.setenv("DLKIT_CACHE", str(tmp_path / "store"))
    entry = Entry(About("photos", "x", "image", 50, (2, 3), "uint8", {"the data": "1"}))
    entry.write(np.arange(7), np.ones((7, 2, 3), "uint8"))
    return entry


def test_it_lists_what_is_kept(kept: Entry) -> None:
    shown = CliRunner().invoke(app, ["cache"]).output
    assert "photos: `x`, 7 of 50 rows of 2 x 3 uint8" in shown
    assert f"in {kept.folder.parent}" in shown
    (entry,) = json.loads(CliRunner().invoke(app, ["cache", "--json"]).output)["entries"]
    assert (entry["input"], entry["prepared"], entry["folder"]) == ("x", 7, str(kept.folder))


def test_it_deletes_what_is_not_used(kept: Entry) -> None:
    assert CliRunner().invoke(app, ["cache", "--clear", "--unused", "1"]).output.startswith("0.0 MiB deleted")
    assert kept.folder.exists()
    assert CliRunner().invoke(app, ["cache", "--unused", "1"]).exit_code == 2
    assert "deleted from" in CliRunner().invoke(app, ["cache", "--clear"]).output
    assert not kept.folder.exists()
    assert "nothing is kept" in CliRunner().invoke(app, ["cache"]).output
