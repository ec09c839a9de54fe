"""Image files as pixels inside of programs of TensorFlow's: the same bits as `decode_image`, mostly without Python.

Python decodes one file at a time in part, however many threads there are. JPEG files that need nothing but decoding,
most of all photographs in collections, are plain: they are left to TensorFlow, whose accurate decoder gives the same
bits. A pipeline finds out itself which files are plain, `decode_in_graph`; where Python has their contents, `is_plain`
says so in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit.lazy import lazy

tf = lazy("tensorflow")

BEGIN, END = b"\xff\xd8\xff", b"\xff\xd9"
# Where a JPEG file may say that it is to be turned. Pillow looks there too.
MAY_TURN = r"(?s)\C*(Exif|http://ns\.adobe\.com/xap|tiff:Orientation)\C*"
# Segments of a plain JPEG file: tables, comments and what applications write, but for that of EXIF data and XMP; the
# usual frames, which state the number of channels; and the pixels.
TABLES, FRAMES, PIXELS = {0xC4, 0xDB, 0xDD, 0xE0, *range(0xE2, 0xF0), 0xFE}, {0xC0, 0xC1, 0xC2}, 0xDA


def decode_in_graph(content: Any, channels: int, dtype: str, decode: Callable[[bytes], Any]) -> Any:
    """The pixels of an image file, in TensorFlow ops.

    Args:
        content: of the file, a string tensor, shape ().
        channels: of the image.
        dtype: uint8 or uint16.
        decode: what decodes any file to pixels of these channels and this type.

    Returns:
        Shape (height, width, channels). A file that cannot be decoded stops the pipeline, without its name.
    """

    def in_python() -> Any:
        return tf.ensure_shape(tf.numpy_function(decode, [content], dtype), (None, None, channels))

    if not has_plain(channels, dtype):
        return in_python()
    return tf.cond(_is_plain(content, channels), lambda: decode_plain(content, channels), in_python)


def has_plain(channels: int, dtype: str) -> bool:
    """Whether some files of such images are plain."""
    return dtype == "uint8" and channels in (1, 3)


def is_plain(content: bytes, channels: int) -> bool:
    """Whether a file is a whole JPEG file of as many channels, upright as far as it says: without EXIF data and XMP."""
    if not (content.startswith(BEGIN) and content.endswith(END)):
        return False
    place, found = len(BEGIN) - 1, 0
    while place + 10 < len(content) and content[place] == 0xFF:
        marker, size = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if marker in FRAMES:
            found = content[place + 9]
        elif marker not in TABLES:
            return marker == PIXELS and found == channels
        place += 2 + size
    return False


def decode_plain(content: Any, channels: int) -> Any:
    """The pixels of a plain file, shape (height, width, channels)."""
    return tf.io.decode_jpeg(content, channels=channels, dct_method="INTEGER_ACCURATE")


def _is_plain(content: Any, channels: int) -> Any:
    """Whether a file is a whole JPEG file, upright, of as many channels: no colours of print, none that become gray."""
    size = tf.strings.length(content)
    whole = (
        (size > 4)
        & tf.equal(tf.strings.substr(content, 0, 3), BEGIN)
        & tf.equal(tf.strings.substr(content, tf.maximum(size - 2, 0), 2), END)
    )
    upright = ~tf.strings.regex_full_match(content, MAY_TURN)
    return tf.cond(whole & upright, lambda: tf.equal(tf.image.extract_jpeg_shape(content)[2], channels), lambda: False)
