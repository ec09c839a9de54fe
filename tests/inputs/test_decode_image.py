"""Image files are read as what they show."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dlkit.inputs._decode_image import decode_image

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
GRAY = COLOURS[..., :1]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """An image as a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_colours_and_grays_come_back_as_they_were_saved(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    colours = saved(Image.fromarray(COLOURS), kind, **options)
    np.testing.assert_array_equal(decode_image(colours, 3), COLOURS)
    np.testing.assert_array_equal(decode_image(colours), COLOURS)
    gray = saved(Image.fromarray(GRAY[..., 0]), kind, **options)
    np.testing.assert_array_equal(decode_image(gray, 1), GRAY)
    np.testing.assert_array_equal(decode_image(gray, 3), np.repeat(GRAY, 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_the_colours_of_a_palette_are_looked_up(kind: str) -> None:
    palette = Image.fromarray(COLOURS).quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decode_image(saved(palette, kind), 3), expected)


def test_what_tensorflow_reads_is_read_alike() -> None:
    for mode, channels in (("RGB", 3), ("L", 1), ("RGBA", 3), ("LA", 1)):
        content = saved(Image.fromarray(COLOURS).convert(mode), "PNG")
        np.testing.assert_array_equal(decode_image(content, channels), tf.io.decode_png(content, channels))
    content = saved(Image.fromarray(np.full((16, 16, 3), 120, np.uint8)), "JPEG")
    np.testing.assert_array_equal(decode_image(content, 3), tf.io.decode_jpeg(content, 3))


def test_sixteen_bits_become_eight() -> None:
    deep = np.arange(0, 65536, 2048, dtype=np.uint16).reshape(4, 8)
    content = saved(Image.fromarray(deep), "PNG")
    np.testing.assert_array_equal(decode_image(content, 1)[..., 0], deep // 256)
    assert decode_image(content).shape == (4, 8, 1)


def test_black_and_white_and_opacity() -> None:
    bits = Image.fromarray(GRAY[..., 0]).convert("1")
    assert set(np.unique(decode_image(saved(bits, "PNG"), 1))) <= {0, 255}
    clear = Image.fromarray(np.dstack([COLOURS, np.zeros((5, 7), np.uint8)]), "RGBA")
    np.testing.assert_array_equal(decode_image(saved(clear, "PNG"), 3), COLOURS)
    assert decode_image(saved(clear, "PNG")).shape == (5, 7, 4)


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 200)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert int(decode_image(content, 1).max()) == 10


@pytest.mark.parametrize("content", [b"", b"BM", b"no image at all", b"\x89PNG\r\n\x1a\n and no more"])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_image(content, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_file_that_was_cut_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = saved(Image.fromarray(noise), kind)
    with pytest.raises(ValueError, match=r"."):
        decode_image(content[: len(content) // 2], 3)


def test_a_picture_larger_than_any_photograph_is_refused_unread() -> None:
    content = bytearray(saved(Image.fromarray(GRAY[..., 0]), "PNG"))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(ValueError, match="pixels"):
        decode_image(bytes(content), 1)
