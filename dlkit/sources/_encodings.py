"""Encodings of text files: those that settings may name, and which one a file that is not UTF-8 probably has."""

from __future__ import annotations

import codecs
import contextlib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from dlkit.inputs._decode_text import marked
from dlkit.lazy import lazy
from dlkit.sources._csv_file import open_bytes

np = lazy("numpy")

_BLOCK = 2**22


def _known(given: str) -> str:
    """The name that Python has for an encoding of text."""
    try:
        b"abcd".decode(given)  # refuses codecs of something else than text, such as rot13
    except UnicodeError:
        pass  # a text encoding in which these bytes mean nothing
    except (LookupError, ValueError):
        raise ValueError(
            "it must be the name of an encoding that Python knows, such as `utf-8`, `cp1252` or `gb18030`"
        ) from None
    return codecs.lookup(given).name


Encoding = Annotated[str, AfterValidator(_known)]


def likely(path: Path, wrong: str) -> str:
    """The encoding that the beginning of a file speaks for, which is not `wrong`."""
    with open_bytes(path) as file:
        start = file.read(_BLOCK)
    if wrong != "utf-8":
        with contextlib.suppress(UnicodeDecodeError):
            codecs.getincrementaldecoder("utf-8")().decode(start)
            return "utf-8"
    try:
        codecs.getincrementaldecoder("gb18030")().decode(start)
        pairs = True
    except UnicodeDecodeError:
        pairs = False
    high = np.frombuffer(start, np.uint8) > 127
    # In Chinese, bytes above 127 come in pairs; in Western European text mostly one by one.
    before, after = np.append(False, high[:-1]), np.append(high[1:], False)
    alone = high & ~before & ~after
    if pairs and alone.sum() * 4 < high.sum():
        return "gb18030"
    return "latin-1" if wrong == "cp1252" else "cp1252"


def proposal(path: Path, wrong: str) -> str:
    """What to do about a file that is not in the encoding `wrong`."""
    found = likely(path, wrong)
    if found == "utf-8":
        return f"it is UTF-8: state `encoding: utf-8`, or save the file as {wrong}"
    words = {"gb18030": " for Chinese (`big5`, `shift_jis`, `euc_kr` for others)"}
    words["cp1252"] = " for Western European text, or another"
    return f"state `encoding: {found}`{words.get(found, '')}, or save the file as UTF-8"


def written_in(path: Path) -> tuple[str, str]:
    """The encoding that has to be stated for a file, and why; both empty for UTF-8 and what states itself."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(path) as file:
        block = file.read(_BLOCK)
        if marked(block) or b"\0" in block:
            return "", ""
        try:
            while block:
                decoder.decode(block)
                block = file.read(_BLOCK)
            decoder.decode(b"", final=True)
            return "", ""
        except UnicodeDecodeError:
            found = likely(path, "utf-8")
    of = {"gb18030": "Chinese text", "cp1252": "Western European text"}[found]
    return found, f"it is not UTF-8, and its bytes look like {of}"
