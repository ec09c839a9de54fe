"""Whenever a save is killed, the newest checkpoint or the one before is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.saves import torture


@pytest.mark.slow  # two minutes; `make torture` runs it too
def test_a_save_killed_at_every_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    found = torture(tmp_path / "checkpoints", at_least=200)
    assert found["kills"] >= 200
    assert found["old"] and found["new"]
