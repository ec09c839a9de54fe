"""Fixtures of the loop's tests."""

from __future__ import annotations

import pytest

from dlkit.training import loop


@pytest.fixture
def one_step_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stretch is a single step."""
    monkeypatch.setattr(loop, "FIRST_STRETCH", 1)
    monkeypatch.setattr(loop, "STRETCH_SECONDS", 0.0)
