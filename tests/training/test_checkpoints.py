"""A checkpoint is whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlkit.config.problems import RunError
from dlkit.training import checkpoints
from dlkit.training.checkpoints import Checkpoint, Progress

STATE = Checkpoint({"weights/0": np.arange(6.0)}, Progress(epoch=2, step=20, best_value=0.5), {"model": "a"})


def test_a_checkpoint_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "step-1", STATE)
    found = checkpoints.load(tmp_path / "step-1")
    np.testing.assert_array_equal(found.arrays["weights/0"], STATE.arrays["weights/0"])
    assert (found.progress, found.about) == (STATE.progress, STATE.about)


@pytest.mark.parametrize("name", ["arrays.npz", "state.json", "digests.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_every_harm_to_every_file_is_noticed(name: str, harm: str, tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "step-1", STATE)
    path = tmp_path / "step-1" / name
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
    path.unlink() if harm == "delete" else path.write_bytes(content[:-9] if harm == "cut" else content)
    with pytest.raises(RunError) as damaged:
        checkpoints.load(tmp_path / "step-1")
    assert damaged.value.problems[0].code == "damaged-checkpoint"


def test_a_write_that_fails_leaves_the_old_checkpoint_and_no_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.save(tmp_path / "best", STATE)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "write_json", full)
    with pytest.raises(RunError, match="No space left"):
        checkpoints.save(tmp_path / "best", Checkpoint({"weights/0": np.zeros(6)}, Progress()))
    np.testing.assert_array_equal(checkpoints.load(tmp_path / "best").arrays["weights/0"], STATE.arrays["weights/0"])
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_only_the_newest_are_kept_and_remains_are_cleared_away(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoints.save(tmp_path / f"step-{step:010d}", STATE)
    (tmp_path / ".step-0000000004.77.partial").mkdir()
    checkpoints.save(tmp_path / "best", STATE)
    checkpoints.prune(tmp_path, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best", "step-0000000002", "step-0000000003"]
