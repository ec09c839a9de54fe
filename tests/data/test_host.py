"""Files that are decoded and prepared in TensorFlow ops, beside the decoder in Python that `predict` uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlkit.config.problems import RunError
from dlkit.data.host import HostStage
from dlkit.data.load import load_splits
from dlkit.data.preprocessing import make_preprocessing
from dlkit.schema.data import Data

SECTION = {
    "inputs": {"image": {"kind": "image", "preprocess": [{"resize": {"height": 12, "width": 10}}]}},
    "targets": {"label": {"kind": "category"}},
    "batch_size": 4,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """JPEG files, plain, gray and turned, and PNG files, some with transparent pixels."""
    random = np.random.default_rng(0)
    for number in range(24):
        channels = (3, 3, 1, 4)[number % 4]
        size = (20 + number, 30, channels) if channels > 1 else (20 + number, 30)
        image = Image.fromarray(random.integers(0, 256, size).astype(np.uint8))
        path = tmp_path / "images" / "ab"[number % 2] / f"{number:02}{'.png' if channels == 4 else '.jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6 if number % 5 == 0 else 1
        image.save(path, exif=exif)
    return tmp_path / "images"


def staged(folder: Path) -> tuple[HostStage, object]:
    source = {"kind": "image_folder", "path": str(folder)}
    splits = load_splits(Data.model_validate({**SECTION, "source": source}))
    host = make_preprocessing(splits.spec.inputs).host
    return HostStage(host, splits.spec.inputs, set(splits.train.stored)), splits.train


def test_files_decoded_in_graph_have_the_same_bits_as_those_decoded_in_python(folder):
    stage, train = staged(folder)
    assert {Path(path).suffix for path in train.stored["image"]} == {".jpg", ".png"}
    rows = np.arange(train.size)
    in_python = stage.of_arrays(train.read(rows).inputs)["image"]
    found = stage.of_rows(train, rows)["image"]
    assert (found.shape, found.dtype) == ((24, 12, 10, 3), np.dtype("uint8"))
    assert stage._decoding
    np.testing.assert_array_equal(found, in_python)


def test_a_file_that_is_damaged_after_it_was_opened_is_named(folder):
    stage, train = staged(folder)
    path = Path(train.stored["image"][5])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RunError, match=path.name):
        stage.of_rows(train, np.arange(train.size))


def test_rows_that_are_not_damaged_are_read_beside_those_that_are(folder):
    stage, train = staged(folder)
    expected = stage.of_rows(train, np.arange(5))["image"]
    Path(train.stored["image"][5]).write_bytes(b"")
    np.testing.assert_array_equal(stage.of_rows(train, np.arange(5))["image"], expected)
