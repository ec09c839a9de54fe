"""A few kills of whole runs; `make torture` makes many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import processes


@pytest.mark.parametrize(
    ("case", "kills"),
    [
        ("mlp npz device", 1),  # compiled by XLA
        pytest.param("mlp npz device", 2, marks=pytest.mark.slow),
        pytest.param("rnn stream pipeline", 2, marks=pytest.mark.slow),
    ],
)
def test_killed_runs_end_with_the_bits_of_one_that_was_not(case: str, kills: int, tmp_path: Path) -> None:
    # Not a fork of this process, in which TensorFlow has started.
    program = "import sys; from tests.torture.__main__ import main; sys.exit(main())"
    done = processes.python(program, "--kills", str(kills), "--epochs", "3", "--cases", case, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"{kills} kill")
