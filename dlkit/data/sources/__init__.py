"""Sources of examples, by the `kind` of the configuration: one function each, from its settings to `SourceData`.

Every function takes the settings object of its kind and the names of the fields that are wanted, so that a source
need not read what nobody asked for. Other kinds come from plug-ins; see `given`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from dlkit.data.sources.base import SourceData
from dlkit.data.sources.bundled import open_bundled
from dlkit.data.sources.npz import open_npz
from dlkit.data.sources.tfds import open_tfds

SOURCES: dict[str, Callable[[Any, Collection[str]], SourceData]] = {
    "tfds": open_tfds,
    "bundled": open_bundled,
    "npz": open_npz,
}
