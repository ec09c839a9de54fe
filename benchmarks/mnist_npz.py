"""The bundled MNIST as one .npz file of plain arrays, for the hand-written peer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlkit.bundled.reading import read_mnist


def write_npz(path: Path, validation: int = 6_000) -> Path:
    """Write `x_train`, `x_validation` (the last ones of the 60,000), `x_test` (10,000) and their labels `y_...`."""
    images, labels = read_mnist("train")
    test_images, test_labels = read_mnist("test")
    training = len(images) - validation
    np.savez(
        path,
        x_train=images[:training],
        y_train=labels[:training],
        x_validation=images[training:],
        y_validation=labels[training:],
        x_test=test_images,
        y_test=test_labels,
    )
    return path
