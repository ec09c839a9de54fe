"""Fixtures of the loop's tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlkit.training import chunk


@pytest.fixture
def one_step_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chunk is a single step."""
    monkeypatch.setattr(chunk, "FIRST_CHUNK", 1)
    monkeypatch.setattr(chunk, "CHUNK_SECONDS", 0.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        # Writers of TensorBoard's files may still be open.
        subprocess.run(["umount", "--lazy", place], check=True)
