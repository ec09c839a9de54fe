"""Image files are read as what they show."""

from __future__ import annotations

import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from dlkit.inputs._decode_image import FORMATS, decode_image, read_header

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
GRAY = COLOURS[..., :1]
DEEP = np.random.default_rng(1).integers(0, 65536, (5, 7, 4), np.uint16)


def photo(height: int, width: int) -> Image.Image:
    """A smooth picture."""
    few = np.random.default_rng(2).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)


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


@pytest.mark.parametrize("options", [{}, {"quality": 95, "subsampling": 0}, {"subsampling": 1}, {"progressive": True}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("size", [(224, 224), (61, 93)])
def test_a_jpeg_file_has_the_bits_that_tensorflow_decodes_accurately(
    size: tuple[int, int], options: dict[str, object]
) -> None:
    for mode, channels in (("RGB", 3), ("L", 1)):
        content = saved(photo(*size).convert(mode), "JPEG", **options)
        expected = tf.io.decode_jpeg(content, channels, dct_method="INTEGER_ACCURATE")
        np.testing.assert_array_equal(decode_image(content, channels), expected)


def test_a_png_file_has_the_bits_that_tensorflow_decodes() -> None:
    for mode, channels in (("RGB", 3), ("L", 1), ("RGBA", 4)):
        content = saved(Image.fromarray(COLOURS).convert(mode), "PNG")
        np.testing.assert_array_equal(decode_image(content, channels), tf.io.decode_png(content, channels))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bits_keep_their_levels_and_sixteen_can_become_eight(kind: str) -> None:
    deep = np.arange(0, 4096, 2, dtype=np.uint16).reshape(32, 64)
    content = saved(Image.fromarray(deep), kind)
    kept = decode_image(content, bits=16)
    assert kept.dtype == np.uint16
    np.testing.assert_array_equal(kept[..., 0], deep)
    np.testing.assert_array_equal(decode_image(content, 3, bits=16), np.repeat(kept, 3, axis=2))
    np.testing.assert_array_equal(decode_image(content, 1)[..., 0], deep // 256)


def test_sixteen_bits_in_colour_are_kept() -> None:
    content = tf.io.encode_png(DEEP[..., :3]).numpy()
    np.testing.assert_array_equal(decode_image(content, bits=16), DEEP[..., :3])
    np.testing.assert_array_equal(decode_image(content, 3), DEEP[..., :3] >> 8)
    gray = decode_image(content, 1, bits=16).astype(float)
    np.testing.assert_allclose(gray, DEEP[..., :3] @ [[0.299], [0.587], [0.114]], atol=1.5)


def test_eight_bits_among_sixteen_have_the_same_scale() -> None:
    pixels = decode_image(saved(Image.fromarray(COLOURS), "PNG"), 3, bits=16)
    np.testing.assert_array_equal(pixels, COLOURS.astype(np.uint16) * 257)


def test_sixteen_bits_in_colour_that_would_be_cut_are_refused() -> None:
    import struct

    tags = [(256, 1), (257, 1), (258, 0), (259, 1), (262, 2), (273, 0), (277, 3), (278, 1), (279, 6)]
    end = 8 + 2 + 12 * len(tags) + 4
    values = {258: (3, 3, end), 273: (4, 1, end + 6)}
    entries = b"".join(struct.pack("<HHII", tag, *values.get(tag, (3, 1, value))) for tag, value in tags)
    content = (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + struct.pack("<6H", 16, 16, 16, 1, 2, 3)
    )
    assert decode_image(content, 3).shape == (1, 1, 3)
    with pytest.raises(ValueError, match="TIFF file of 16 bits in colour, which is not read: save it as PNG"):
        decode_image(content, 3, bits=16)


def test_black_and_white() -> None:
    bits = Image.fromarray(GRAY[..., 0]).convert("1")
    assert set(np.unique(decode_image(saved(bits, "PNG"), 1))) <= {0, 255}


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (10, 200, 30)])
def test_transparent_pixels_show_the_background_and_not_the_colours_under_them(
    background: tuple[int, int, int],
) -> None:
    opacity = np.zeros((5, 7, 1), np.uint8)
    opacity[2:] = 255
    clear = np.concatenate([COLOURS, opacity], axis=2)
    expected = np.where(opacity == 0, np.array(background, np.uint8), COLOURS)
    files = {kind: saved(Image.fromarray(clear), kind, lossless=True) for kind in ("PNG", "WEBP", "TIFF")}
    for content in files.values():
        np.testing.assert_array_equal(decode_image(content, 3, background=background), expected)
        assert decode_image(content).shape == (5, 7, 4)
    gray = np.asarray(Image.fromarray(expected).convert("L"))
    np.testing.assert_array_equal(decode_image(files["PNG"], 1, background=background)[..., 0], gray)
    deep = tf.io.encode_png(clear.astype(np.uint16) * 257).numpy()
    found = decode_image(deep, 3, bits=16, background=background)
    np.testing.assert_array_equal(found, expected.astype(np.uint16) * 257)


def test_half_transparent_pixels_are_mixed_with_the_background() -> None:
    clear = Image.fromarray(np.full((1, 1, 4), (100, 0, 255, 128), np.uint8))
    np.testing.assert_allclose(decode_image(saved(clear, "PNG"), 3)[0, 0], [177, 127, 255], atol=1)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_with_a_transparent_colour_shows_the_background(kind: str) -> None:
    palette = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8))
    palette.putpalette([200, 0, 0, 0, 0, 200])
    content = saved(palette, kind, transparency=0)
    np.testing.assert_array_equal(decode_image(content, 3)[0], [[255, 255, 255], [0, 0, 200]])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_viewers_turn_it(kind: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    content = saved(photo(24, 32), kind, exif=exif, **options)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(decode_image(content, 3), np.asarray(expected))
    assert decode_image(content, 3).shape == ((32, 24, 3) if orientation > 4 else (24, 32, 3))
    (tmp_path / "photo").write_bytes(content)
    header = read_header(tmp_path / "photo")
    assert (header.height, header.width) == expected.size[::-1]
    assert header.turned == (orientation > 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_as_eight_are(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    eight = saved(Image.fromarray(COLOURS), "PNG", exif=exif)
    place = eight.index(b"eXIf") - 4
    chunk = eight[place : place + 12 + int.from_bytes(eight[place : place + 4], "big")]
    sixteen = tf.io.encode_png(COLOURS.astype(np.uint16) * 257).numpy()
    sixteen = sixteen[:33] + chunk + sixteen[33:]
    np.testing.assert_array_equal(decode_image(sixteen, 3, bits=16), decode_image(eight, 3).astype(np.uint16) * 257)


def test_the_colours_of_print_are_right() -> None:
    picture = photo(48, 64)
    content = saved(picture.convert("CMYK"), "JPEG", quality=98)  # inverted, as Adobe writes it
    assert b"Adobe" in content
    np.testing.assert_allclose(decode_image(content, 3).astype(float), np.asarray(picture), atol=6)


def test_a_photo_with_a_second_picture_in_it_is_the_first() -> None:
    content = saved(photo(24, 32), "MPO", save_all=True, append_images=[photo(12, 16)])
    assert decode_image(content, 3).shape == (24, 32, 3)


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 200)]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert int(decode_image(content, 1).max()) == 10


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (bytes(100), "begins with zeros alone"),
        (b"BM", "it is no JPEG, PNG, BMP, GIF, TIFF or WEBP file"),
        (b"no image at all", "it is no JPEG"),
        (b"\x89PNG\r\n\x1a\n and no more", "."),
    ],
)
def test_what_is_no_image_is_refused_by_its_reason(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode_image(content, 3)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_was_cut_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = saved(Image.fromarray(noise), kind)
    with pytest.raises(ValueError, match=r"."):
        decode_image(content[: len(content) // 2], 3)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_is_damaged_is_an_image_or_refused(kind: str) -> None:
    draw = random.Random(0)
    whole = saved(photo(24, 32), kind)
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            content[draw.randrange(min(len(content), draw.choice([64, 10**6])))] = draw.randrange(256)
        try:
            pixels = decode_image(bytes(content), 3, bits=draw.choice([8, 16]))
        except ValueError as error:
            assert str(error)
            assert "object at 0x" not in str(error)
        else:
            assert pixels.ndim == 3


def test_a_picture_larger_than_any_photograph_is_refused_unread(tmp_path: Path) -> None:
    content = bytearray(saved(Image.fromarray(GRAY[..., 0]), "PNG"))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    with pytest.raises(ValueError, match="decompression bomb"):
        decode_image(bytes(content), 1)
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(ValueError, match="decompression bomb"):
        read_header(tmp_path / "bomb.png")


@pytest.mark.parametrize(
    ("array", "gray", "bits", "opaque"),
    [
        (COLOURS, False, 8, True),
        (GRAY, True, 8, True),
        (DEEP, False, 16, False),
        (DEEP[..., :3], False, 16, True),
        (DEEP[..., :2], True, 16, False),
        (DEEP[..., :1], True, 16, True),
    ],
)
def test_a_header_says_what_decoding_gives(
    array: np.ndarray, gray: bool, bits: int, opaque: bool, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(tf.io.encode_png(array).numpy())
    header = read_header(tmp_path / "x.png")
    assert (header.height, header.width, header.turned) == (5, 7, False)
    assert (header.gray, header.bits, header.opaque) == (gray, bits, opaque)
    np.testing.assert_array_equal(decode_image((tmp_path / "x.png").read_bytes(), bits=bits), array)
