"""On what was measured: the processor and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe_machine(torch_python: str | None = None) -> dict[str, Any]:
    """Processor, cores and versions of what takes part.

    Args:
        torch_python: interpreter of an environment that has torch and lightning, if there is one.
    """
    versions = {name: version(name) for name in ("tensorflow", "keras", "numpy")}
    if torch_python:
        code = "from importlib.metadata import version as v; print(v('torch'), v('lightning'))"
        found = subprocess.run([torch_python, "-c", code], check=True, capture_output=True, text=True).stdout.split()
        versions |= dict(zip(("torch", "lightning"), found, strict=True))
    return {
        "machine": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
