"""Image files as arrays of pixels: one decoder for every format, and for training, `predict` and whatever else reads
them.

Pillow decodes JPEG files to the same bits as `tf.io.decode_jpeg(..., dct_method="INTEGER_ACCURATE")`, which pipelines
use where it is enough. TensorFlow decodes PNG files of 16 bits in colour alone, which Pillow cuts to 8.
"""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dlkit.config.phrases import count
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import PIL
    from PIL import Image, ImageOps
else:
    np, PIL, Image, ImageOps = lazy("numpy"), lazy("PIL"), lazy("PIL.Image"), lazy("PIL.ImageOps")

tf = lazy("tensorflow")

# Pixels of the largest image that is read: as many as Pillow reads by itself, half a gigabyte in colour.
MOST_PIXELS = 178_956_970
# The largest file that is read.
MOST_BYTES = 2**30
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
# Pillow's names of images by their number of channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
WHITE = (255, 255, 255)
# The tag of EXIF that says how the camera was held, and the values that stand for an upright one.
ORIENTATION, UPRIGHT, LYING = 0x0112, 1, (5, 6, 7, 8)
# How NumPy turns an image of this orientation upright: whether axes are exchanged, then which are reversed.
TURNS = {1: (False, ()), 2: (False, (1,)), 3: (False, (0, 1)), 4: (False, (0,)), 5: (True, ()), 6: (True, (1,)),
         7: (True, (0, 1)), 8: (True, (0,))}  # fmt: skip
# Parts of red, green and blue in gray: ITU-R BT.601, in 65,536ths, as Pillow has them.
GRAY = (19595, 38470, 7471)


@dataclass(frozen=True)
class Header:
    """What a file says of its image before its pixels are decoded.

    Attributes:
        height: in pixels, turned upright.
        width: likewise.
        gray: whether it has no colours.
        bits: of one channel, 8 or 16.
        opaque: whether no pixel is transparent.
        turned: whether its EXIF data turn it.
    """

    height: int
    width: int
    gray: bool
    bits: int
    opaque: bool
    turned: bool


def read_header(stored: Path | bytes) -> Header:
    """What a file says of its image, without decoding it, by its path or its content.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if it is no such file, or declares more pixels than any photograph has.
    """
    with io.BytesIO(stored) if isinstance(stored, bytes) else stored.open("rb") as file, _opened(file) as image:
        gray, bits, opaque = _is_gray(image), _bits(image), not image.has_transparency_data
        orientation = UPRIGHT if image.format == "PNG" and not _png_has_exif(file) else _orientation(image)
        height, width = image.height, image.width
        if orientation in LYING and image.format != "TIFF":  # Pillow gives the size of these turned
            height, width = width, height
        return Header(height, width, gray, bits, opaque, orientation != UPRIGHT)


def decode_image(
    content: bytes, channels: int | None = None, *, bits: int = 8, background: tuple[int, int, int] = WHITE
) -> np.ndarray:
    """The pixels of an image file, as it is meant to be seen: turned by its EXIF data, colours of a palette looked up;
    of an animation, the first frame.

    Args:
        content: of a BMP, GIF, JPEG, PNG, TIFF or WebP file.
        channels: 1 for gray, 3 for red, green and blue; 2 and 4 for these with opacity; None for the file's own.
            Colours become gray by the weights of ITU-R BT.601.
        bits: of one channel. 8 of 16 are the upper ones; 8 bits that become 16 are scaled to the full range.
        background: what shows through transparent pixels where opacity is not asked for: red, green, blue.

    Returns:
        uint8 or uint16, shape (height, width, channels).

    Raises:
        ValueError: saying why it cannot be decoded.
    """
    if channels is not None and channels not in MODES:
        raise ValueError(f"no image file has {count(channels, 'channel')}")
    with _opened(io.BytesIO(content)) as image:
        channels = channels or _own_channels(image)
        if bits == 16 and _bits(image) == 16:
            return _deep(image, content, channels, background)
        upright = _in_bytes(_upright(image))
        if channels in (1, 3) and upright.has_transparency_data:
            clear = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", clear.size, (*background, 255)), clear)
        pixels = np.asarray(upright if upright.mode == MODES[channels] else upright.convert(MODES[channels]))
    pixels = pixels.reshape(*pixels.shape[:2], channels)
    return pixels if bits == 8 else pixels.astype(np.uint16) * 257


@contextmanager
def _opened(file: BinaryIO) -> Iterator[Image.Image]:
    """The image of an open file, its header read; what Pillow refuses inside the block becomes a `ValueError`."""
    _ignore_warnings()
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except Image.DecompressionBombError as error:
        message = f"it declares more than {MOST_PIXELS:,} pixels, as a decompression bomb does"
        raise ValueError(message) from error
    except PIL.UnidentifiedImageError as error:
        raise ValueError(_unknown(file)) from error
    except Exception as error:  # of damaged files: struct.error, TypeError, IndexError, zlib.error and more
        raise ValueError(re.sub(r" ?<\S+ object at 0x\w+>", " file", str(error)) or type(error).__name__) from error


def _unknown(file: BinaryIO) -> str:
    """Why a file is no image."""
    file.seek(0)
    begin = file.read(16)
    if not begin:
        return "it is empty"
    if not begin.strip(b"\0"):
        return "it begins with zeros alone, as files of a copy that was cut off do"
    kinds = ", ".join(FORMATS[:-1])
    return f"it is no {kinds} or {FORMATS[-1]} file, or its header is damaged"


@functools.cache
def _ignore_warnings() -> None:
    """Pillow warns, without the file's name, of large images, which are judged here, and of what it can repair.

    `warnings.catch_warnings` would not do: files are decoded in threads, which share one list of filters.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _orientation(image: Image.Image) -> int:
    """1 to 8, as in EXIF; 1 also for what means nothing."""
    found = image.getexif().get(ORIENTATION, UPRIGHT)
    return found if found in TURNS else UPRIGHT


def _upright(image: Image.Image) -> Image.Image:
    return image if _orientation(image) == UPRIGHT else ImageOps.exif_transpose(image)


def _png_has_exif(file: BinaryIO) -> bool:
    """Whether a PNG file may have EXIF data, which can stand after its pixels; Pillow would decode these to look."""
    place = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            if head[4:] in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return True
            file.seek(int.from_bytes(head[:4], "big") + 4, io.SEEK_CUR)
        return False
    finally:
        file.seek(place)


def _layout(image: Image.Image) -> str:
    """How pixels lie in the file, in Pillow's words, such as `RGB;16B`; empty after they were decoded."""
    tiles = getattr(image, "tile", [])
    return str(tiles[0].args) if tiles and image.format in ("PNG", "TIFF") else ""


def _bits(image: Image.Image) -> int:
    """8 or 16 bits a channel, before pixels are decoded. Pillow opens colours of 16 bits as those of 8."""
    return 16 if image.mode.startswith("I") or ";16" in _layout(image) else 8


def _is_gray(image: Image.Image) -> bool:
    """Whether there are no colours, before pixels are decoded. Pillow opens gray of 16 bits with opacity as colours."""
    if _layout(image).startswith("LA;16"):
        return True
    if image.mode != "P" or image.palette is None:
        return image.mode[0] in "1LIF" and image.mode != "LAB"
    palette = np.frombuffer(image.palette.tobytes(), np.uint8).reshape(-1, len(image.palette.mode))
    return bool((palette[:, :1] == palette[:, 1:3]).all())


def _own_channels(image: Image.Image) -> int:
    return (1 if _is_gray(image) else 3) + image.has_transparency_data


def _in_bytes(image: Image.Image) -> Image.Image:
    """The image with 8 bits a channel; Pillow itself would cut off 16 bits of gray at 255."""
    if image.mode == "F":
        raise ValueError("its pixels are fractions, whose scale is unknown")
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((_gray_of_16(image) // 256).astype(np.uint8))


def _gray_of_16(image: Image.Image) -> np.ndarray:
    """The pixels of an image of 16 bits in gray."""
    pixels = np.asarray(image)
    if pixels.size and (pixels.min() < 0 or pixels.max() > 65535):
        raise ValueError("its pixels are whole numbers of 32 bits, whose scale is unknown")
    return pixels.astype(np.uint16)


def _deep(image: Image.Image, content: bytes, channels: int, background: tuple[int, int, int]) -> np.ndarray:
    """The pixels of an image of 16 bits, all of them kept."""
    if image.mode.startswith("I"):
        pixels = _gray_of_16(_upright(image))[..., np.newaxis]
    elif image.format == "PNG":
        own = 4 if image.has_transparency_data else 3
        exchanged, reversed_axes = TURNS[_orientation(image)]  # which decodes it, and says what is damaged
        pixels = tf.io.decode_png(content, channels=own, dtype=tf.uint16).numpy()
        pixels = np.flip(pixels.swapaxes(0, 1) if exchanged else pixels, reversed_axes)
    else:
        raise ValueError("it is a TIFF file of 16 bits in colour, which is not read: save it as PNG")
    return np.ascontiguousarray(_with_channels(pixels, channels, background))


def _with_channels(pixels: np.ndarray, channels: int, background: tuple[int, int, int]) -> np.ndarray:
    """16-bit pixels of 1, 3 or 4 channels with as many as are asked for."""
    colours, opacity = pixels[..., :3], pixels[..., 3:]
    with_opacity = channels in (2, 4)
    if opacity.size and not with_opacity:
        part, behind = opacity.astype(np.uint64), np.array(background, np.uint64) * 257
        colours = ((colours * part + behind * (65535 - part) + 32767) // 65535).astype(np.uint16)
    if colours.shape[2] == 3 and channels <= 2:
        weighted = (colours * np.array(GRAY, np.uint64)).sum(axis=2, keepdims=True)
        colours = ((weighted + 0x8000) >> 16).astype(np.uint16)
    elif colours.shape[2] == 1 and channels > 2:
        colours = np.repeat(colours, 3, axis=2)
    if not with_opacity:
        return colours
    return np.concatenate([colours, opacity if opacity.size else np.full_like(colours[..., :1], 65535)], axis=2)
