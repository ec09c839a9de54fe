"""The run folder: its layout, making one, finding one, and what it records of a run while it goes on."""

from dlkit.runs.folder import RunFolder, keep_config, now
from dlkit.runs.made_with import PACKAGES, environment
from dlkit.runs.places import create, find

__all__ = ["PACKAGES", "RunFolder", "create", "environment", "find", "keep_config", "now"]
