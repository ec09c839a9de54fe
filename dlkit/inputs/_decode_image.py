"""Image files as arrays: one decoder, for every format that is read."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING

from dlkit.config.words import count
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
else:
    np, Image = lazy("numpy"), lazy("PIL.Image")

# Pixels of the largest image that is read: 256 megapixels, 0.75 GiB in colour.
MOST_PIXELS = 2**28
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# Pillow's names of images by their number of channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def decode_image(content: bytes, channels: int | None = None) -> np.ndarray:
    """The pixels of an image file; of an animation, those of its first frame.

    Args:
        content: of a BMP, GIF, JPEG, PNG, TIFF or WebP file.
        channels: 1 for gray, 2 with opacity, 3 for red, green and blue, 4 with opacity; None for the file's own.
            Colours become gray by the weights of ITU-R BT.601; opacity that is not asked for is left out. Colours of a
            palette are looked up, and 16 bits become 8.

    Returns:
        uint8, shape (height, width, channels).

    Raises:
        ValueError: if it is no such file, damaged, or larger than any photograph; or for another number of channels.
    """
    if channels is not None and channels not in MODES:
        raise ValueError(f"no image file has {count(channels, 'channel')}")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images, which are judged here, and of what it can repair.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(f"it has {image.width:,} x {image.height:,} pixels")
                if channels is None:
                    channels = _own_channels(image)
                pixels = np.asarray(_in_bytes(image).convert(MODES[channels]))
    except (OSError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        words = re.sub(r" ?<_io\.BytesIO object at 0x\w+>", " file", str(error)) or type(error).__name__
        raise ValueError(words) from error
    return pixels.reshape(*pixels.shape[:2], channels)


def _own_channels(image: Image.Image) -> int:
    bands = image.getbands()
    if bands == ("P",):
        return 4 if "transparency" in image.info else 3
    opaque = "A" not in bands and "a" not in bands
    return (1 if opaque else 2) if bands[0] in ("1", "L", "I", "F") else (3 if opaque else 4)


def _in_bytes(image: Image.Image) -> Image.Image:
    """The image with 8 bits a channel; Pillow itself would cut off 16 bits at 255."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its pixels are fractions, whose scale is unknown")
    return image
