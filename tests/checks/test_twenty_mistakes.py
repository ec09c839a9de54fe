"""The mistakes that docs/checks.md lists are reported as it says, by the command line."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from typer.testing import CliRunner

from dlkit.cli import app
from tests.documents import ROOT

ROW = re.compile(r"^\| `(.+)` \| (error|warning) `([a-z-]+)` \|", re.MULTILINE)
MISTAKES = ROW.findall((ROOT / "docs" / "checks.md").read_text(encoding="utf-8"))


def test_there_are_as_many_as_its_title_says() -> None:
    assert len(MISTAKES) == 20


# Each reads the images and builds a network, and the warnings try a step.
@pytest.mark.slow
@pytest.mark.parametrize(("change", "severity", "code"), MISTAKES, ids=[code for *_, code in MISTAKES])
def test_a_mistake_is_reported(change: str, severity: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["check", "configs/mnist_quick.yaml", *shlex.split(change), "--json"])
    found = json.loads(done.stdout)
    assert code in [problem["code"] for problem in found["problems"]]
    assert done.exit_code == found["exit_status"] == (2 if severity == "error" else 0)
