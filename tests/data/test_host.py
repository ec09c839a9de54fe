"""Files that are decoded and prepared in TensorFlow ops, beside the decoder in Python that `predict` uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlkit.config.problems import RunError
from dlkit.data import host
from dlkit.data.contract import Rows
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
        turned = Image.Exif()
        turned[0x0112] = 6
        image.save(path, exif=turned if number % 5 == 0 else b"")
    return tmp_path / "images"


def source_of(folder: Path) -> dict[str, str]:
    return {"kind": "image_folder", "path": str(folder)}


def staged(folder: Path) -> tuple[HostStage, Rows]:
    splits = load_splits(Data.model_validate({**SECTION, "source": source_of(folder)}))
    layers = make_preprocessing(splits.spec.inputs).host
    return HostStage(layers, splits.spec.inputs, set(splits.train.stored)), splits.train


def test_files_decoded_in_graph_have_the_same_bits_as_those_decoded_in_python(folder):
    stage, train = staged(folder)
    assert {Path(path).suffix for path in train.stored["image"]} == {".jpg", ".png"}
    rows = np.arange(train.size)
    in_python = stage.of_arrays(train.read(rows).inputs)["image"]
    found = stage.of_rows(train, rows)["image"]
    assert (found.shape, found.dtype) == ((24, 12, 10, 3), np.dtype("uint8"))
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


def test_plain_files_alone_are_decoded_in_one_compiled_program(folder):
    stage, train = staged(folder)
    bound = load_splits(Data.model_validate({**SECTION, "source": source_of(folder)})).spec.inputs["image"]
    plain = [i for i, path in enumerate(train.stored["image"]) if bound.settings.plain(path, bound.feature)]
    assert 0 < len(plain) < train.size
    without_python = replace(train, make=None)
    assert stage.of_rows(without_python, np.array(plain))["image"].shape == (len(plain), 12, 10, 3)


def test_parts_come_in_order_with_their_rows(folder, monkeypatch):
    monkeypatch.setattr(host, "PIECE_OF_FILES", 3)
    stage, train = staged(folder)
    rows = np.arange(train.size)[::-1]
    whole = stage.of_rows(train, rows)["image"]
    parts = list(stage.of_parts(train, rows, 10))
    assert [len(part) for part, _ in parts] == [10, 10, 4]
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), rows)
    np.testing.assert_array_equal(np.concatenate([values["image"] for _, values in parts]), whole)


def test_large_files_are_read_a_few_at_a_time(folder, monkeypatch):
    stage, train = staged(folder)
    whole = stage.of_rows(train, np.arange(train.size))["image"]
    monkeypatch.setattr(host, "PIECE_BYTES", 1)
    np.testing.assert_array_equal(stage.of_rows(train, np.arange(train.size))["image"], whole)


def test_no_rows_give_no_examples(folder):
    stage, train = staged(folder)
    assert stage.of_rows(train, np.arange(0))["image"].shape == (0, 12, 10, 3)
