"""The text in a file: UTF-8 unless something else is stated or a mark at its beginning says so."""

from __future__ import annotations

import codecs

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Bytes of a file that show whether it is UTF-16 without a mark.
_LOOKED_AT = 4096


def decode_text(content: bytes, encoding: str | None = None) -> str:
    """The text of a file.

    Args:
        content: of the file.
        encoding: how it is written, as Python names it; None for UTF-8, or UTF-16 where every other byte is 0. A mark
            at the beginning of the file decides before that.

    Raises:
        ValueError: naming the first byte that is not of this encoding.
    """
    mark = next((mark for mark in MARKS if content.startswith(mark)), b"")
    used = MARKS[mark] if mark else encoding or _guessed(content)
    try:
        return content[len(mark) :].decode(used)
    except UnicodeDecodeError as error:
        place = error.start + len(mark)
        raise ValueError(f"byte {place:,} (0x{content[place]:02x}) is not {used.upper()}") from error


def _guessed(content: bytes) -> str:
    """UTF-16 where most letters have a byte of 0, always first or always second; else UTF-8."""
    start = content[:_LOOKED_AT]
    half = len(start) // 2
    for name, zeros, others in (("utf-16-le", start[1::2], start[0::2]), ("utf-16-be", start[0::2], start[1::2])):
        if half and zeros.count(0) * 2 > half and not others.count(0):
            return name
    return "utf-8"
