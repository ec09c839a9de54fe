"""A checkpoint is whole or not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dlkit.config.problems import RunError
from dlkit.files import clear_remains
from dlkit.runs import RunFolder, keep_config
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.checkpoints.files import Checkpoint, Progress

STATE = Checkpoint(
    {"weights/0": np.arange(6.0)}, Progress(epoch=2, step=20, best_epochs=[1], best_values=[0.5]), {"model": "a"}
)


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

    monkeypatch.setattr(checkpoints, "sha256", full)
    with pytest.raises(RunError, match=r"No space left on device; it needs 2\.0 KiB, the disk has .* left") as failed:
        checkpoints.save(tmp_path / "best", Checkpoint({"weights/0": np.zeros(256)}, Progress()))
    assert failed.value.problems[0].code == "checkpoint-not-written"
    monkeypatch.undo()
    np.testing.assert_array_equal(checkpoints.load(tmp_path / "best").arrays["weights/0"], STATE.arrays["weights/0"])
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


def test_only_what_is_asked_for_is_kept_and_remains_are_cleared_away(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoints.save(checkpoints.of_step(tmp_path, step), STATE)
        checkpoints.save(checkpoints.of_epoch(tmp_path, step), STATE)
    (tmp_path / ".step-0000000004.77.partial").mkdir()
    checkpoints.tidy(tmp_path, 2, Progress(best_epochs=[3, 1], best_values=[0.1, 0.2]))
    names = ["best", "best-000001", "best-000003", "step-0000000002", "step-0000000003"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert (tmp_path / "best").resolve().name == "best-000003"


def test_a_folder_that_stepped_aside_comes_back_where_the_new_one_never_came(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / ".step-0000000001.77.old", STATE)
    checkpoints.save(tmp_path / ".step-0000000002.77.old", STATE)
    checkpoints.save(tmp_path / "step-0000000002", STATE)
    clear_remains(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-0000000001", "step-0000000002"]


@pytest.mark.parametrize("left", range(0, 80, 4))
def test_a_disk_that_is_full_at_any_point_of_a_save_leaves_the_old_checkpoint(left: int, small_disk: Path) -> None:
    old = Checkpoint({"weights/0": np.arange(8000.0)}, Progress(step=1), {"model": "a"})
    checkpoints.save(checkpoints.of_step(small_disk, 1), old)
    free = shutil.disk_usage(small_disk).free
    (small_disk / "other").write_bytes(bytes(free - left * 1024))
    new = Checkpoint({"weights/0": np.zeros(8000)}, Progress(step=2), {"model": "a"})
    try:
        checkpoints.save(checkpoints.of_step(small_disk, 2), new)
    except RunError as error:
        assert error.problems[0].code == "checkpoint-not-written"
        assert left < 76, "there was room enough"
        assert [p.name for p in checkpoints.newest(small_disk)] == ["step-0000000001"]
        assert not list(small_disk.glob(".*"))
    else:
        assert left > 60, "there was no room"
    found = checkpoints.load(checkpoints.of_step(small_disk, 1))
    np.testing.assert_array_equal(found.arrays["weights/0"], old.arrays["weights/0"])


def test_a_full_disk_is_reported_by_every_writer_of_a_run(small_disk: Path) -> None:
    folder = RunFolder(small_disk)
    folder.append_history({"epoch": 1, "loss": 0.5})
    folder.event("begun")
    folder.set_state("running")
    (small_disk / "other").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    big = "x" * 5000
    for write in (
        lambda: folder.set_state("failed", why=big),
        lambda: folder.event("message", text=big),
        lambda: folder.append_history({"epoch": 2, "loss": big}),
        lambda: keep_config(folder, big),
    ):
        with pytest.raises(RunError, match="No space left on device") as failed:
            write()
        assert failed.value.problems[0].code == "file-not-written"
    assert folder.read_state()["state"] == "running"
    assert [event["kind"] for event in folder.read_events()] == ["begun"]
    assert folder.read_history() == [{"epoch": 1, "loss": 0.5}]
