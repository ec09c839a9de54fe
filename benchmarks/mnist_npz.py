"""The bundled MNIST as one .npz file of plain arrays, for the hand-written peer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlkit.data.bundled.reading import read_mnist


def write_npz(path: Path) -> Path:
    """Write `x_train` (54,000 images), `x_validation` (6,000), `x_test` (10,000) and their labels `y_...`."""
    images, labels = read_mnist("train")
    test_images, test_labels = read_mnist("test")
    np.savez(
        path,
        x_train=images[:54_000],
        y_train=labels[:54_000],
        x_validation=images[54_000:],
        y_validation=labels[54_000:],
        x_test=test_images,
        y_test=test_labels,
    )
    return path
