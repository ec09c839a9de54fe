"""Image files as pixels inside a `tf.data` pipeline: the same bits as `decode_image`, mostly without Python.

Python decodes one file at a time in part, however many threads there are. JPEG files that need nothing but decoding,
most of all photographs in collections, are left to TensorFlow, whose accurate decoder gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlkit.lazy import lazy

tf = lazy("tensorflow")

BEGIN, END = b"\xff\xd8\xff", b"\xff\xd9"
# Where a JPEG file may say that it is to be turned. Pillow looks there too.
MAY_TURN = r"(?s)\C*(Exif|http://ns\.adobe\.com/xap|tiff:Orientation)\C*"


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

    def in_tensorflow() -> Any:
        return tf.io.decode_jpeg(content, channels=channels, dct_method="INTEGER_ACCURATE")

    if dtype != "uint8" or channels not in (1, 3):
        return in_python()
    return tf.cond(_is_plain(content, channels), in_tensorflow, in_python)


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
