"""A few kills of whole runs; `make torture` makes many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("case", "kills"),
    [
        ("mlp npz device", 1),  # compiled by XLA
        pytest.param("mlp npz device", 2, marks=pytest.mark.slow),
        pytest.param("rnn stream pipeline", 2, marks=pytest.mark.slow),
    ],
)
def test_killed_runs_end_with_the_bits_of_one_that_was_not(case: str, kills: int) -> None:
    # Not a fork of this process, in which TensorFlow has started.
    command = [sys.executable, "-m", "tests.torture", "--kills", str(kills), "--epochs", "3", "--cases", case]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"{kills} kill")
