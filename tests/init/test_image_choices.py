"""What `dlkit init` chooses for images, and that it says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dlkit.data.load import load_splits
from dlkit.schema.loader import from_mapping
from tests.init.data import FILES
from tests.init.writing import one_line, table, written


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_pixels_decide_on_the_size_and_names_of_classes_on_the_flip(tmp_path: Path) -> None:
    text, config = written(FILES["digits_8"](tmp_path / "digits_8"), tmp_path)
    image = config["data"]["inputs"]["image"]
    assert "preprocess" not in image and "random_flip" not in str(image)
    assert "random_flip" in text and "not for digits and letters" in text
    text, config = written(FILES["pets"](tmp_path / "pets"), tmp_path)
    image = config["data"]["inputs"]["image"]
    assert image["preprocess"][0] == {"resize": {"height": 96, "width": 128}}
    assert "random_flip" in str(image) and "without the mirrored images" in text.lower()
    assert config["data"]["splits"] == {"by": "stratified", "validation": "10%", "test": "test"}


def test_files_that_cannot_be_read_are_left_out_in_what_is_written(tmp_path: Path) -> None:
    for number in range(60):
        path = tmp_path / "shapes" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (12, 12), number).save(path)
    assert "clean" not in written(tmp_path / "shapes", tmp_path)[1]["data"]
    (tmp_path / "shapes" / "a" / "14.png").write_bytes(b"")
    text, config = written(tmp_path / "shapes", tmp_path)
    assert config["data"]["clean"] == {"drop": ["unreadable"]}
    assert "a/14.png: it is empty" in one_line(text)
    (dropped,) = load_splits(from_mapping(config).config.data).dropped
    assert (dropped.count, dropped.rows) == (1, ("a/14.png",))


def test_a_table_that_names_images_is_one_of_their_labels(tmp_path: Path) -> None:
    FILES["digits_8"](tmp_path / "digits_8")
    files = sorted((tmp_path / "digits_8").rglob("*.png"))
    names = [path.relative_to(tmp_path / "digits_8").as_posix() for path in files]
    path = table(tmp_path / "digits_8" / "digits.csv", picture=names, digit=[path.parent.name for path in files])
    text, config = written(path, tmp_path)
    assert config["data"]["source"] == {
        "kind": "image_folder", "path": "digits_8", "labels": "digits_8/digits.csv", "file_column": "picture",
        "label_column": "digit",
    }  # fmt: skip
    assert list(config["data"]["inputs"]) == ["image"] and list(config["data"]["targets"]) == ["label"]
    assert "what `digit` says of each file" in text
