"""How much memory there is: of the machine, its container, and the limit of the process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dlkit.checks import memory


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory.available_memory()
    assert free is not None
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 50000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    assert memory.available_memory() == 350_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_memory() != 350_000


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is that of Linux")
def test_the_limit_of_the_process_counts() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        assert hard != resource.RLIM_INFINITY or memory._free_of_process() is None
        resource.setrlimit(resource.RLIMIT_AS, (2**40, hard))
        free = memory._free_of_process()
        assert free is not None and 0 < free < 2**40
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
