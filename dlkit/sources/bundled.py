"""`kind: bundled`: real data sets that ship with dlkit."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.source import SourceData, SourceField, SourceSettings

if TYPE_CHECKING:
    import numpy as np

reading = lazy("dlkit.bundled.reading")

# The version in TensorFlow Datasets whose examples, order and field names these are.
TFDS_VERSIONS = {"mnist": "3.0.1"}


class BundledSource(SourceSettings):
    """A real data set that ships with dlkit and needs no network."""

    kind: Literal["bundled"]
    name: Literal["mnist"] = Field(description="Name of the set.")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The bundled set of that name, with the splits and fields that it has in TensorFlow Datasets.

        Files are read when a split's arrays are first asked for.
        """
        fields = {
            "image": SourceField((28, 28, 1), "uint8"),
            "label": SourceField((), "uint8", tuple(str(digit) for digit in range(10))),
        }

        def arrays(split: str) -> dict[str, np.ndarray]:
            images, labels = reading.read_mnist(split)
            return {"image": images, "label": labels}

        return SourceData(f"{self.name}:{TFDS_VERSIONS[self.name]}", dict(reading.MNIST_SIZES), fields, arrays)

    def describe(self) -> SourceData:
        """The same: its files are read later."""
        return self.open()
