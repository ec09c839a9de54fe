"""The text in a file: UTF-8 unless something else is stated or a mark at its beginning says so."""

from __future__ import annotations

import codecs

# Marks at the beginning of a file, and the encodings that read them too; those of UTF-32 begin as those of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
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
    used = marked(content) or encoding or _guessed(content)
    try:
        return content.decode(used)
    except UnicodeDecodeError as error:
        place = error.start + len(content) - len(error.object)  # `utf-8-sig` counts from behind its mark
        name = used.removesuffix("-sig").upper()
        raise ValueError(f"byte {place:,} (0x{content[place]:02x}) is not {name}") from error


def marked(start: bytes) -> str:
    """The encoding that the first bytes of a file state, which reads their mark too; empty if they state none."""
    return next((encoding for mark, encoding in _MARKS.items() if start.startswith(mark)), "")


def _guessed(content: bytes) -> str:
    """UTF-16 where most letters have a byte of 0, always first or always second; else UTF-8."""
    start = content[:_LOOKED_AT]
    half = len(start) // 2
    for name, zeros, others in (("utf-16-le", start[1::2], start[0::2]), ("utf-16-be", start[0::2], start[1::2])):
        if half and zeros.count(0) * 2 > half and not others.count(0):
            return name
    return "utf-8"
