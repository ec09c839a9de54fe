"""What a run was made with: versions, devices, command line, commit."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("dlkit-tf", "tensorflow", "keras", "numpy", "tensorflow-datasets")


def environment(devices: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    """What a run was made with.

    Args:
        devices: as TensorFlow names them.
        settings: choices that the loop made by rule, such as XLA.
    """
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    made: dict[str, Any] = {}
    made["python"] = sys.version.split()[0]
    return made | {
        "packages": versions,
        "devices": devices,
        "command": sys.argv,
        "git_commit": _git_commit(),
        "chosen": settings,
    }


def _git_commit() -> str | None:
    """The commit of the repository that the working folder is in; None outside of one, and without git."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
