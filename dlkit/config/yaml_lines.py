"""Lines of YAML with comments, which no library writes."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from dlkit.config.scalars import UnclearNumberError, read_scalar

WIDTH = 118
_PLAIN = re.compile(r"/?[^\W\d][\w./-]*(?: [\w./-]+)*|\d+%")
_BREAK = "\0"


def flow(value: Any) -> str:
    """A value in one line, as dlkit reads it back."""
    return _marked(value).replace(_BREAK, "")


def setting(key: str, value: Any, indent: int, *, comment: bool = False) -> Iterator[str]:
    """`key: value` in as many lines as it needs.

    Args:
        key: of the setting.
        value: plain values, mappings and lists.
        indent: spaces before it.
        comment: whether the lines are a comment.
    """
    start = " " * indent + ("# " if comment else "")
    line, after = f"{start}{_marked(key)}:", start + "  "
    for number, part in enumerate(f" {_marked(value)}".split(_BREAK)):
        if number and len(line) + len(part.rstrip()) > WIDTH:
            yield line.rstrip()
            line = after + part
        else:
            line += part
    yield line.rstrip()


def remark(text: str, indent: int = 0) -> Iterator[str]:
    """A comment in as many lines as it needs."""
    start = " " * indent + "# "
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False, break_on_hyphens=False
    )


def _marked(value: Any) -> str:
    """As `flow`, with a mark wherever a line may be broken."""
    if isinstance(value, Mapping):
        return "{" + f", {_BREAK}".join(f"{_marked(k)}: {_marked(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + f", {_BREAK}".join(map(_marked, value)) + "]"
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value.replace("${", "$${"), ensure_ascii=False)
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether a text is read as the same text without quotes."""
    if not _PLAIN.fullmatch(text):
        return False
    try:
        return isinstance(read_scalar(text), str)
    except UnclearNumberError:
        return False
