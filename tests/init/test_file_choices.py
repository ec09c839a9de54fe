"""What `dlkit init` chooses for folders of files, and that it says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
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


def test_texts_that_cannot_be_read_are_left_out_in_what_is_written(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / "notes" / ("up", "down")[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(draw.choice(["größe", "mäßig", "schön", "alt"], 12)), encoding="utf-8")
    assert "clean" not in written(tmp_path / "notes", tmp_path)[1]["data"]
    (tmp_path / "notes" / "up" / "14.txt").write_text("很好很好", encoding="gb18030")
    text, config = written(tmp_path / "notes", tmp_path)
    assert config["data"]["clean"] == {"drop": ["unreadable"]} and "encoding" not in config["data"]["source"]
    assert "up/14.txt: byte 0 (0xba) is not UTF-8" in one_line(text)
    (dropped,) = load_splits(from_mapping(config).config.data).dropped
    assert (dropped.count, dropped.rows, dropped.why) == (1, ("up/14.txt",), "`text` cannot be decoded")


def test_the_encoding_of_most_texts_of_a_folder_is_written(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / "notes" / ("up", "down")[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(draw.choice(list("很好不差电影"), 12)), encoding="gb18030")
    text, config = written(tmp_path / "notes", tmp_path)
    assert config["data"]["source"] == {"kind": "text_folder", "path": "notes", "encoding": "gb18030"}
    assert "most are not UTF-8" in one_line(text)
    assert load_splits(from_mapping(config).config.data).train.size


@pytest.mark.parametrize(("own", "rate"), [(8_000, 8_000), (16_000, None), (44_100, None)])
def test_sounds_are_not_brought_to_more_samples_than_they_have(own: int, rate: int | None, tmp_path: Path) -> None:
    for number in range(40):
        path = tmp_path / "tones" / "ab"[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.sin(np.arange(own // 4) * (0.1 + number % 2 / 10)), own)
    text, config = written(tmp_path / "tones", tmp_path)
    assert config["data"]["inputs"]["audio"].get("rate") == rate
    assert ("# audio: {kind: audio, rate: 32000}" in text) == (own > 16_000)
    assert load_splits(from_mapping(config).config.data).train.size


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
    assert written(path.parent, tmp_path)[1]["data"]["source"] == config["data"]["source"], "by its folder as well"
