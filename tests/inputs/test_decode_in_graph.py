"""A pipeline decodes image files to the bits that everything else decodes them to."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dlkit.inputs._decode_in_graph import _is_plain, is_plain
from dlkit.inputs.image import ImageInput
from dlkit.schema.features import Feature

SETTINGS = ImageInput(kind="image", background=[9, 99, 199])
FEW = np.random.default_rng(2).integers(0, 256, (4, 5, 4), np.uint8)
PHOTO = Image.fromarray(FEW[..., :3]).resize((32, 24), Image.Resampling.BICUBIC)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image as a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned() -> Image.Exif:
    """EXIF data of a camera that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


FILES = {
    "photo": (saved(PHOTO, "JPEG", quality=90), {3}),
    "progressive": (saved(PHOTO, "JPEG", progressive=True), {3}),
    "fine": (saved(PHOTO, "JPEG", subsampling=0), {3}),
    "gray": (saved(PHOTO.convert("L"), "JPEG"), {1}),
    "turned": (saved(PHOTO, "JPEG", exif=turned()), set()),
    "print": (saved(PHOTO.convert("CMYK"), "JPEG"), set()),
    "png": (saved(PHOTO, "PNG"), set()),
    "transparent": (saved(Image.fromarray(FEW), "PNG"), set()),
    "gif": (saved(PHOTO.quantize(8), "GIF"), set()),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("name", FILES)
def test_a_pipeline_gives_the_same_bits(name: str, dtype: str, channels: int) -> None:
    content, plain = FILES[name]
    feature = Feature("x", "image", (None, None, channels), dtype)
    (found,) = tf.data.Dataset.from_tensors(content).map(lambda c: SETTINGS.decode_in_graph(c, feature))
    np.testing.assert_array_equal(found, SETTINGS.decode(content, feature))
    assert found.dtype == dtype
    assert bool(_is_plain(tf.constant(content), channels)) == is_plain(content, channels) == (channels in plain)


def damaged() -> list[bytes]:
    """Photographs of which some bytes are others, or the end is missing."""
    draw, whole, files = random.Random(0), FILES["photo"][0], []
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(2, len(content) - 2)] = draw.randrange(256)
        files.append(bytes(content[: draw.randint(1, len(content))] if draw.random() < 0.2 else content))
    return files


def decoded(content: bytes, feature: Feature) -> Any:
    """The pixels of a file, None where it cannot be decoded."""
    try:
        return SETTINGS.decode(content, feature)
    except ValueError:
        return None


def test_damaged_files_are_decoded_alike_or_stop_the_pipeline() -> None:
    feature = Feature("x", "image", (None, None, 3), "uint8")
    decode = tf.function(lambda c: SETTINGS.decode_in_graph(c, feature), input_signature=[tf.TensorSpec((), tf.string)])
    outcomes = set()
    for content in damaged():
        expected = decoded(content, feature)
        try:
            found = decode(tf.constant(content)).numpy()
        except tf.errors.OpError:
            found = None
        outcomes.add((expected is None, found is None))
        if expected is not None and found is not None:
            np.testing.assert_array_equal(found, expected)
    assert {(True, True), (False, False)} <= outcomes
    assert (True, False) not in outcomes


def test_what_is_plain_after_damage_is_decoded_alike_or_stops_the_program() -> None:
    feature = Feature("x", "image", (None, None, 3), "uint8")
    decode = tf.function(lambda c: SETTINGS.decode_plain(c, feature), input_signature=[tf.TensorSpec((), tf.string)])
    outcomes = set()
    for content in damaged():
        plain = SETTINGS.plain(content, feature)
        outcomes.add(plain is not None)
        if plain is None:
            continue
        try:
            np.testing.assert_array_equal(decode(tf.constant(plain)), decoded(content, feature))
        except tf.errors.OpError:
            outcomes.add("stopped")
    assert {True, False} <= outcomes


def test_a_file_that_cannot_be_read_is_not_plain(tmp_path: Path) -> None:
    feature = Feature("x", "image", (None, None, 3), "uint8")
    (tmp_path / "photo.jpg").write_bytes(FILES["photo"][0])
    assert SETTINGS.plain(str(tmp_path / "photo.jpg"), feature) == FILES["photo"][0]
    assert SETTINGS.plain(str(tmp_path / "missing.jpg"), feature) is None
    assert not any(is_plain(FILES["photo"][0][:size], 3) for size in range(100))
