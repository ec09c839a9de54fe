"""Reads the bundled sets: the original files of MNIST, in the order in which TensorFlow Datasets reads them."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from dlkit.config.problems import Problem, RunError

FOLDER = Path(__file__).parent / "mnist"
# Sources read these as they read the files of a user.
AIRLINE = FOLDER.parent / "airline" / "Airline.csv"
SERIES = {"airline": AIRLINE}
VOWELS = {
    split: FOLDER.parent / "japanese_vowels" / f"JapaneseVowels_{split.upper()}.ts.gz" for split in ("train", "test")
}
VOWELS_SIZES = {"train": 270, "test": 370}
MNIST_SIZES = {"train": 60_000, "test": 10_000}
_PREFIXES = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 8


@lru_cache(maxsize=2)
def read_mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    """One split of MNIST, its examples in the order of `mnist:3.0.1` in TensorFlow Datasets.

    The arrays are read-only, because later calls return the same ones.

    Args:
        split: train or test.

    Returns:
        Images, uint8, shape (n, 28, 28, 1), and labels, uint8, shape (n,).

    Raises:
        RunError: if a file is missing or damaged.
    """
    images, labels = read_original(split)
    order = _order(split)
    images, labels = images[order], labels[order]
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def read_original(split: str) -> tuple[np.ndarray, np.ndarray]:
    """As `read_mnist`, in the order of the original files."""
    size, prefix = MNIST_SIZES[split], _PREFIXES[split]
    images = _idx(FOLDER / f"{prefix}-images-idx3-ubyte.gz", (size, 28, 28))
    labels = _idx(FOLDER / f"{prefix}-labels-idx1-ubyte.gz", (size,))
    return images[..., np.newaxis], labels


def _idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The content of a gzipped IDX file of unsigned bytes: two zeros, a type, the rank, big-endian sizes, values."""
    try:
        content = gzip.decompress(path.read_bytes())
    except OSError as error:  # gzip.BadGzipFile, a wrong checksum among others, is one
        raise unreadable(path, error) from error
    except (EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    header = np.array([_UNSIGNED_BYTE << 8 | len(shape), *shape], ">i4").tobytes()
    if not content.startswith(header) or len(content) != len(header) + int(np.prod(shape)):
        raise unreadable(path, "its header is not that of the set")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def _order(split: str) -> np.ndarray:
    path = FOLDER / "order.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file[split])
    except Exception as error:  # numpy and zipfile raise many types on damaged archives
        raise unreadable(path, error) from error


def unreadable(path: Path, cause: object) -> RunError:
    """The error for a bundled file that is missing or damaged."""
    missing = isinstance(cause, FileNotFoundError)
    return RunError(
        Problem(
            "damaged-data",
            f"the bundled file {path} is missing" if missing else f"the bundled file {path} is damaged ({cause})",
            key=("data", "source", "name"),
            help="install dlkit again; its bundled files are checked against their checksums when it is built",
        )
    )
