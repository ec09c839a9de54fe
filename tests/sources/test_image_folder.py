"""Image files in folders: which there are, what is said of them, and what is refused by name."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlkit.config.problems import DlkitError
from dlkit.inputs.image import ImageInput
from dlkit.schema.source import SourceData, Wanted
from dlkit.sources.image_folder import ImageFolderSource
from dlkit.targets.category import CategoryTarget

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
WANTED = Wanted(("image",), ("label",))


def opened(root: Path, **settings: Any) -> SourceData:
    """The source of a folder."""
    return ImageFolderSource.model_validate({"kind": "image_folder", "path": str(root), **settings}).open(WANTED)


def make(root: Path, *names: str, pixels: np.ndarray = PIXELS, **options: Any) -> None:
    """Image files of these names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / name, **options)


def two_classes(root: Path) -> Path:
    """A folder of two classes with two images each."""
    make(root, "cats/1.png", "cats/2.jpg", "dogs/1.png", "dogs/2.JPG")
    return root


def labelled(root: Path, text: str, **settings: Any) -> SourceData:
    """A folder of three images whose labels are in a CSV file."""
    make(root, "1.png", "2.png", "10.png")
    (root / "labels.csv").write_text(text, encoding="utf-8")
    return opened(root, labels=str(root / "labels.csv"), **settings)


def refused(root: Path, **settings: Any) -> str:
    """The code and message of a folder that is refused."""
    with pytest.raises(DlkitError) as error:
        opened(root, **settings)
    return f"{error.value.problems[0].code}: {error.value}"


def rows(source: SourceData, split: str = "train") -> dict[str, str]:
    """The label of each file by its place."""
    assert source.arrays is not None and source.place is not None
    columns = source.arrays(split)
    assert [Path(path).name for path in columns["image"]] == [
        source.place(split, row).rpartition("/")[2] for row in range(len(columns["image"]))
    ]
    return {source.place(split, row): str(label) for row, label in enumerate(columns["label"])}


def test_columns_are_paths_and_names_of_classes_in_natural_order(tmp_path: Path) -> None:
    make(tmp_path, *(f"{name}/{n}.png" for name in ("1", "10", "2") for n in range(3)))
    source = opened(tmp_path)
    assert source.fields["label"].classes == ("1", "2", "10")
    assert source.fields["image"].encoding == "image"
    assert (source.fields["image"].shape, source.fields["image"].dtype) == ((12, 9, 3), "string")
    assert rows(source) == {f"{name}/{n}.png": name for name in ("1", "10", "2") for n in range(3)}
    feature = CategoryTarget(kind="category").feature("label", source.fields["label"], in_memory=True)
    assert feature.classes == ("1", "2", "10")


def test_each_path_is_decoded_to_its_image(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/1.png")
    make(tmp_path, "b/2.png", pixels=255 - PIXELS)
    source = opened(tmp_path)
    settings = ImageInput(kind="image")
    feature = settings.feature("image", source.fields["image"])
    assert source.arrays is not None and source.place is not None
    for row, path in enumerate(source.arrays("train")["image"]):
        expected = 255 - PIXELS if source.place("train", row) == "b/2.png" else PIXELS
        np.testing.assert_array_equal(settings.decode(str(path), feature), expected)


def test_folders_of_splits_are_splits(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        two_classes(tmp_path / split)
    source = opened(tmp_path)
    assert dict(source.sizes) == {"train": 4, "validation": 4, "test": 4}
    assert rows(source, "validation")["val/cats/1.png"] == "cats"


def test_any_slice_mixes_the_classes(tmp_path: Path) -> None:
    make(tmp_path, *(f"{name}/{n}.png" for name in "ab" for n in range(20)))
    assert set(list(rows(opened(tmp_path)).values())[-8:]) == {"a", "b"}
    table = "file,label\n" + "".join(f"{name}/{n}.png,{name}\n" for name in "ab" for n in range(20))
    (tmp_path / "labels.csv").write_text(table)
    assert set(list(rows(opened(tmp_path, labels=str(tmp_path / "labels.csv"))).values())[-8:]) == {"a", "b"}


def test_what_is_hidden_or_of_another_kind_is_skipped_and_said(tmp_path: Path) -> None:
    two_classes(tmp_path)
    make(tmp_path, ".ipynb_checkpoints/1.png", "__MACOSX/cats/1.png")
    (tmp_path / "cats" / "._1.png").write_bytes(b"\0\5\26\7")
    (tmp_path / "cats" / "notes.txt").touch()
    (tmp_path / "birds").mkdir()
    source = opened(tmp_path)
    assert source.sizes == {"train": 4}
    assert source.fields["label"].classes == ("cats", "dogs")
    said = "\n".join(source.notes)
    for words in (".ipynb_checkpoints", "3 hidden", "notes.txt", "birds"):
        assert words in said


def test_webp_and_tiff_are_images_and_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    make(tmp_path, "a/1.webp", "a/2.tif", "b/3.tiff", "b/4.bmp")
    frames = [Image.fromarray(np.full((12, 9), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "b" / "5.gif", save_all=True, append_images=frames[1:])
    source = opened(tmp_path)
    assert source.sizes == {"train": 5}
    settings = ImageInput(kind="image")
    feature = settings.feature("image", source.fields["image"])
    assert int(settings.decode(str(tmp_path / "b" / "5.gif"), feature).max()) == 10


def test_sizes_depth_and_channels_are_those_of_all_files(tmp_path: Path) -> None:
    make(tmp_path, "a/1.png", "b/2.png", pixels=PIXELS[..., 0])
    gray = opened(tmp_path).fields["image"]
    assert (gray.shape, gray.decoded) == ((12, 9, 1), "uint8")
    make(tmp_path, "b/3.png", pixels=np.arange(108, dtype=np.uint16).reshape(9, 12))
    mixed = opened(tmp_path)
    assert (mixed.fields["image"].shape, mixed.fields["image"].decoded) == ((None, None, 1), "uint16")
    make(tmp_path, "b/4.png", pixels=np.dstack([PIXELS, PIXELS[..., 0]]))
    exif = Image.Exif()
    exif[0x0112] = 6
    make(tmp_path, "b/5.jpg", exif=exif)
    many = opened(tmp_path)
    assert many.fields["image"].shape == (None, None, 3)
    said = "\n".join(many.notes)
    for words in (
        "2 sizes, from 9 x 12 to 12 x 9",
        "1 of 5 have 16 bits",
        "1 of 5 are turned",
        "1 of 5 have transparent",
        "3 of 5 are gray",
    ):
        assert words in said


def test_a_photo_that_is_turned_has_the_size_that_viewers_show(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    make(tmp_path, "a/1.jpg", "b/2.jpg", exif=exif)
    assert opened(tmp_path).fields["image"].shape == (9, 12, 3)


def test_broken_files_are_all_named_with_their_reasons(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "cats" / "zero.jpg").touch()
    (tmp_path / "cats" / "page.png").write_text("<html>")
    (tmp_path / "dogs" / "cut.png").write_bytes((tmp_path / "cats" / "1.png").read_bytes()[:20])
    bomb = bytearray((tmp_path / "cats" / "1.png").read_bytes())
    bomb[16:24] = (100_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    (tmp_path / "dogs" / "bomb.png").write_bytes(bomb)
    message = refused(tmp_path)
    assert message.startswith("unusable-image: 4 of 8 files")
    assert "\n" not in message
    for words in (
        "cats/zero.jpg: it is empty",
        "cats/page.png: it is no JPEG",
        "dogs/cut.png: ",
        "bomb.png: it declares",
    ):
        assert words in message


def test_what_is_no_folder_of_images_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").startswith("missing-file")
    assert refused(tmp_path).startswith("no-class-folders")
    make(tmp_path, "cats/1.png")
    assert refused(tmp_path).startswith("too-few-classes")


@pytest.mark.parametrize("what", ["loop", "outside", "pipe"])
def test_links_that_go_astray_and_pipes_are_named(what: str, tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data")
    path = root / "cats" / "9.png"
    if what == "loop":
        path = root / "cats" / "more"
        path.symlink_to(root / "cats")
    elif what == "outside":
        make(tmp_path, "other.png")
        path.symlink_to(tmp_path / "other.png")
    else:
        os.mkfifo(path)
    message = refused(root)
    assert message.startswith("unusable-file")
    assert str(path) in message


def test_the_fingerprint_changes_with_files_and_labels(tmp_path: Path) -> None:
    two_classes(tmp_path / "a")
    before = opened(tmp_path / "a").fingerprint
    assert opened(tmp_path / "a").fingerprint == before
    make(tmp_path / "a", "cats/1.png", pixels=255 - PIXELS)
    assert opened(tmp_path / "a").fingerprint != before
    first = labelled(tmp_path / "b", "file,label\n1.png,x\n2.png,y\n").fingerprint
    (tmp_path / "b" / "labels.csv").write_text("file,label\n1.png,y\n2.png,x\n")
    assert opened(tmp_path / "b", labels=str(tmp_path / "b" / "labels.csv")).fingerprint != first


def test_labels_of_a_table_belong_to_files_by_name_alone(tmp_path: Path) -> None:
    source = labelled(tmp_path, "\ufefffile,label\n10.png,ten\n2.png,two\n1.png,one\n")
    assert rows(source) == {"1.png": "one", "2.png": "two", "10.png": "ten"}
    assert source.sizes == {"train": 3}
    source = labelled(
        tmp_path, 'split,id,kind\nx,2.png,two\nx,1.png,"one, or first"\n', file_column="id", label_column="kind"
    )
    assert rows(source) == {"1.png": "one, or first", "2.png": "two"}
    assert "labels.csv lists 2 images and not 1 more, such as `10.png`" in "\n".join(source.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\n1.png,a\n3.png,b\n4.png,b\n", ["labels.csv:3: there is no file", "3.png", "1 more rows"]),
        ("file,label\n1.png,a\n1.png,b\n", ["labels.csv:3: `1.png` is listed in line 2 already"]),
        ("file,label\n1.png,a\n2.png,\n", ["labels.csv:3: `2.png` has no label"]),
        ("file,label\n,a\n", ["labels.csv:2: it names no file"]),
        ("file,label\n../x.png,a\n", ["labels.csv:2: `../x.png` leaves the folder"]),
        ("file,label\n/etc/passwd,a\n", ["labels.csv:2: `/etc/passwd` leaves the folder"]),
        ("file,label\nlabels.csv,a\n", ["labels.csv:2: `labels.csv` does not end in"]),
        ("file,label\n.,a\n", ["labels.csv:2: `.` is a folder"]),
        ("file,label\n1.png,a,b\n", ["labels.csv:2: it has 3 values, and the header has 2"]),
        ("name,label\n1.png,a\n", ["no column `file`", "its columns are `label`, `name`", "file_column"]),
        ("file,label,label\n", ["two columns `label`"]),
        ("file,label\n", ["has no rows below its header"]),
        ("", ["no column `file`"]),
        ("file,label\n1.png,a\n2.png,a\n", ["has the label `a` alone"]),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_named_by_its_line(text: str, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(DlkitError) as error:
        labelled(tmp_path, text)
    message = f"{error.value} {error.value.problems[0].help}"
    for word in words:
        assert word in message


def test_tables_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    make(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_bytes("file,label\n1.png,é\n".encode("latin-1"))
    assert "is no UTF-8 text" in refused(tmp_path, labels=str(tmp_path / "labels.csv"))
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe" in refused(tmp_path, labels=str(tmp_path / "pipe.csv"))
    with pytest.raises(DlkitError) as error:
        opened(tmp_path, labels=str(tmp_path.parent / "labels.csv"))
    assert f"`labels: {tmp_path / 'labels.csv'}`" in error.value.problems[0].help


def test_a_link_out_of_the_folder_in_a_table_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "other.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "other.png")
    with pytest.raises(DlkitError, match=r"labels\.csv:2: `link\.png` is a link that leaves the folder"):
        labelled(tmp_path / "data", "file,label\nlink.png,a\n1.png,b\n")
