"""The columns of TFRecord examples, put together from the values of some records at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dlkit.lazy import lazy
from dlkit.sources._record_features import RecordFeature

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

# Bytes of an object of Python's beside its content.
OVERHEAD = 49


class Parts:
    """The values of a split by feature, to which records are added."""

    def __init__(self, features: Mapping[str, RecordFeature]) -> None:
        self.rows = 0
        self._features = features
        self._parts: dict[str, list[Any]] = {name: [] for name in features}
        self._bytes = dict.fromkeys(features, 0)
        self._longest = dict.fromkeys(features, 0)
        self._present = dict.fromkeys((name for name, feature in features.items() if feature.optional), 0)

    def add(self, batch: Mapping[str, Any]) -> None:
        """Add the values of some records, as `RecordFeature.of_batch` gives them."""
        self.rows += max((len(values) for values in batch.values()), default=0)
        for name, values in batch.items():
            feature = self._features[name]
            if feature.ragged:
                self._parts[name] += values
                self._longest[name] = max(self._longest[name], *map(len, values))
                row = int(np.prod(feature.inner, dtype=np.int64)) * np.dtype(feature.values).itemsize
                self._bytes[name] = self.rows * self._longest[name] * row
                continue
            self._parts[name].append(values)
            if feature.optional:
                self._present[name] += feature.present(values)
            objects = values.reshape(-1) if values.dtype == object else []
            self._bytes[name] += values.nbytes + sum(len(value) + OVERHEAD for value in objects)

    @property
    def bytes(self) -> int:
        """What the columns take, padded."""
        return sum(self._bytes.values())

    def longest(self, name: str) -> int:
        """The length of the longest example of a feature whose examples differ in length."""
        return self._longest[name]

    @property
    def absent(self) -> list[str]:
        """The optional features that no record has."""
        return [name for name, number in self._present.items() if not number]

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Whole columns; those that differ in length padded with NaN."""
        return {name: self._column(name, self._parts.pop(name)) for name in self._features}

    def _column(self, name: str, parts: list[Any]) -> np.ndarray:
        feature = self._features[name]
        if not feature.ragged:
            return np.concatenate(parts)
        padded = np.full((len(parts), self._longest[name], *feature.inner), np.nan, feature.values)
        for row, part in enumerate(parts):
            padded[row, : len(part)] = part
        return padded
