"""Real data sets that ship with dlkit."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from dlkit.config.schema.data import BundledSource
from dlkit.data.bundled.reading import MNIST_SIZES, read_mnist
from dlkit.data.sources.base import SourceData, SourceField

# The version in TensorFlow Datasets whose examples, order and field names these are.
TFDS_VERSIONS = {"mnist": "3.0.1"}


def open_bundled(settings: BundledSource, wanted: Collection[str] = ()) -> SourceData:
    """The bundled set of that name, with the splits and fields that it has in TensorFlow Datasets.

    Files are read when a split's arrays are first asked for.
    """
    fields = {
        "image": SourceField((28, 28, 1), "uint8"),
        "label": SourceField((), "uint8", tuple(str(digit) for digit in range(10))),
    }

    def arrays(split: str) -> dict[str, np.ndarray]:
        images, labels = read_mnist(split)
        return {"image": images, "label": labels}

    return SourceData(f"{settings.name}:{TFDS_VERSIONS[settings.name]}", dict(MNIST_SIZES), fields, arrays)
