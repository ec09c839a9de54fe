"""Paths as a configuration states them."""

from __future__ import annotations

from pathlib import Path


def expanded(path: str) -> Path:
    """A path with `~` filled in; as it stands where that is nobody's home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
