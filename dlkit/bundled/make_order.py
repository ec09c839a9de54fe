"""Finds the order in which TensorFlow Datasets reads MNIST, and writes it to `mnist/order.npz`.

TFDS shuffles examples by a hash when it prepares a set. The order is found by preparing the true set from the
bundled files, without a network, and looking each of its examples up in them. It is stored, so that loading the
bundled copy needs neither TFDS nor a prepared set. Run again after a new version of the set:

    python -m dlkit.bundled.make_order
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from dlkit.bundled.reading import FOLDER, MNIST_SIZES, read_original

VERSION = "3.0.1"


def prepare_with_tfds(data_dir: Path) -> None:
    """Prepare MNIST in `data_dir` with TensorFlow Datasets, from the bundled files alone."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(f"mnist:{VERSION}", data_dir=data_dir)
    # The files' checksums are registered in TFDS, which therefore refuses files that differ from the originals.
    offline = tfds.download.DownloadConfig(manual_dir=FOLDER, try_download_gcs=False)
    builder.download_and_prepare(download_config=offline)


def read_with_tfds(data_dir: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8, shape (n, 28, 28, 1), and labels, int64, shape (n,), of a slice of the prepared set."""
    import tensorflow_datasets as tfds

    # Without it, TFDS reads the parts of a sum such as `train+test` interleaved.
    one_by_one = tfds.ReadConfig(interleave_cycle_length=1)
    builder = tfds.builder(f"mnist:{VERSION}", data_dir=data_dir)
    dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=one_by_one)
    batches = list(dataset.batch(1000).as_numpy_iterator())
    return np.concatenate([b["image"] for b in batches]), np.concatenate([b["label"] for b in batches])


def find_order(examples: list[bytes], originals: list[bytes]) -> np.ndarray:
    """The index among `originals` of each of `examples`; equal originals are taken in turn.

    Returns:
        uint16, shape (len(examples),), a permutation.

    Raises:
        KeyError: if an example is not among the originals, or more often than they are.
    """
    places: dict[bytes, list[int]] = {}
    for index in reversed(range(len(originals))):
        places.setdefault(originals[index], []).append(index)
    return np.array([_take(places, example) for example in examples], np.uint16)


def _take(places: dict[bytes, list[int]], example: bytes) -> int:
    if not places.get(example):
        raise KeyError("an example that the original files do not hold")
    return places[example].pop()


def _as_bytes(images: np.ndarray, labels: np.ndarray) -> list[bytes]:
    return [image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare_with_tfds(Path(folder))
        orders = {
            split: find_order(_as_bytes(*read_with_tfds(Path(folder), split)), _as_bytes(*read_original(split)))
            for split in MNIST_SIZES
        }
    np.savez_compressed(FOLDER / "order.npz", train=orders["train"], test=orders["test"])


if __name__ == "__main__":
    main()
