"""The bundled MNIST is whole, unchanged, and read without TensorFlow Datasets."""

import gzip
import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from dlkit.bundled import reading
from dlkit.config.problems import RunError


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the bundled files that may be damaged."""
    folder = tmp_path / "mnist"
    shutil.copytree(reading.FOLDER, folder)
    monkeypatch.setattr(reading, "FOLDER", folder)
    reading.read_mnist.cache_clear()
    yield folder
    reading.read_mnist.cache_clear()


def test_files_are_the_original_ones():
    sums = (reading.FOLDER / "SHA256SUMS").read_text().split()
    expected = dict(zip(sums[1::2], sums[::2], strict=True))
    assert len(expected) == 4
    for name, checksum in expected.items():
        assert hashlib.sha256((reading.FOLDER / name).read_bytes()).hexdigest() == checksum
    assert "CC BY-SA 3.0" in (reading.FOLDER / "NOTICE.md").read_text()


@pytest.mark.parametrize(("split", "size"), [("train", 60_000), ("test", 10_000)])
def test_every_example_is_there_once(split, size):
    images, labels = reading.read_mnist(split)
    assert (images.shape, images.dtype, labels.shape) == ((size, 28, 28, 1), np.uint8, (size,))
    original_images, original_labels = reading.read_original(split)

    def rows(x, y):
        return sorted(image.tobytes() + bytes([label]) for image, label in zip(x, y, strict=True))

    assert rows(images, labels) == rows(original_images, original_labels)
    assert not (labels[:100] == original_labels[:100]).all()


def test_arrays_cannot_be_changed_by_accident():
    images, _ = reading.read_mnist("test")
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_reading_imports_no_tensorflow():
    code = "import sys; from dlkit.bundled.reading import read_mnist; read_mnist('train'); read_mnist('test');"
    code += "print([m for m in sys.modules if m.startswith('tensorflow')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def write_gzip(path):
    path.write_bytes(gzip.compress(b"\0\0\x08\x03"))


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "order.npz"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda p: p.unlink(), "is missing"),
        (flip_a_bit, "is damaged"),
        (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "is damaged"),
        (lambda p: p.write_bytes(b""), "is damaged"),
        (write_gzip, "is damaged"),
    ],
)
def test_a_damaged_file_is_named(copy, name, damage, says):
    damage(copy / name)
    with pytest.raises(RunError) as caught:
        reading.read_mnist("train" if name == "order.npz" else "test")
    (problem,) = caught.value.problems
    assert problem.code == "damaged-data"
    assert name in problem.message
    assert says in problem.message
