"""What the first bytes of a file say that it is."""

from __future__ import annotations

# How files of pictures and sounds begin.
_MAGIC = {b"\xff\xd8\xff": "image", b"\x89PNG": "image", b"GIF8": "image", b"BM": "image", b"RIFF": "audio",
          b"fLaC": "audio", b"OggS": "audio"}  # fmt: skip


def encoding_of(content: bytes) -> str:
    """`image` or `audio` for the content of such a file; empty for anything else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image"
    return next((word for magic, word in _MAGIC.items() if content.startswith(magic)), "")
