"""Known networks by name, as settings of `builder: cnn`: the file `_presets.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

from dlkit.config.reader import read_text

Preset = Literal["lenet5", "resnet9", "airbench", "resnet18", "mobilenet_small", "inception_time", "lite", "ds_cnn"]


@cache
def presets() -> dict[str, Any]:
    """The settings that each preset stands for."""
    file = files("dlkit.builders").joinpath("_presets.yaml")
    return read_text(file.read_text(encoding="utf-8"), file.name).data
