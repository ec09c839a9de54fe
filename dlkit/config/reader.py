"""Reads YAML into plain data with a place for everything, and refuses what YAML would let pass silently.

The rules of YAML itself are in `dlkit.config.yaml_tree`; here are those of files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from dlkit.config.problems import ConfigError, Key, Location, Problem
from dlkit.config.tree import Document, Node
from dlkit.config.yaml_tree import Builder

MAX_BYTES = 2**20
_KEY_ALONE = re.compile(r"(?!.*:\s)[^\s'\"\[{#&*!-][^'\"{}#]*:")


def read_file(path: str | Path) -> Document:
    """Read one configuration file.

    Raises:
        ConfigError: with a located problem for everything that is wrong with the file or its YAML.
    """
    source = str(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(_unreadable(Path(path), source, error)) from None
    if len(content) > MAX_BYTES:
        raise ConfigError(
            Problem(
                "file-too-large",
                f"`{source}` is larger than 1 MiB, which no configuration needs",
                location=file_start(source),
                help="is this the right file?",
            )
        )
    return read_text(decode(content, source), source)


def read_text(text: str, source: str) -> Document:
    """Read the text of a configuration file, whose top level must be a mapping.

    Raises:
        ConfigError: with a located problem for everything that is wrong.
    """
    lines = text.splitlines() or [""]

    def locate(start: Any, end: Any) -> Location:
        return place_in(lines, source, start, end)

    root = Builder(text, locate).document()
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    place = Location(source, first + 1, 1, max(1, len(lines[first])), lines[first])
    if root is None or root.value is None:
        raise ConfigError(
            Problem(
                "empty-file",
                f"`{source}` holds no settings",
                location=place,
                help="the smallest configuration has `name`, `data` and `model`",
            )
        )
    if not isinstance(root.value, dict):
        what = "a list" if isinstance(root.value, list) else f"the text {str(root.value)[:60]!r}"
        raise ConfigError(
            Problem(
                "not-a-mapping",
                f"the top level of `{source}` must be a mapping of settings, not {what}",
                location=root.location,
                label="expected `name: value` lines",
                help="a setting is written `epochs: 3`, with a space after the colon",
            )
        )
    return Document(root)


def read_value(text: str, argument: Location, column: int, key: Key) -> Node:
    """Read the value of an override, by the same rules as a file, but that text needs quotes less often.

    What a file would take for the beginning of a block (`>= 0.9`) or for a key without a value (`train[90%:`) cannot be
    one in a single line, and is text.

    Args:
        text: the YAML of the value.
        argument: place of the whole argument; the nodes get places within it.
        column: column of the argument at which `text` starts, from 1.
        key: key path that the value is for.

    Raises:
        ConfigError: with problems located in the argument.
    """

    def locate(start: Any, end: Any) -> Location:
        width = max(1, end.index - start.index)
        return Location(argument.source, argument.line, column + start.index, width, argument.excerpt)

    word = text.strip()
    if "\n" not in word and (word.startswith((">", "|")) or _KEY_ALONE.fullmatch(word)):
        start = column + text.index(word)
        return Node(word, Location(argument.source, argument.line, start, len(word), argument.excerpt))
    node = Builder(text, locate, key).document()
    if node is None:
        return Node(None, Location(argument.source, argument.line, column, max(1, len(text)), argument.excerpt))
    return node


def file_start(source: str) -> Location:
    """The place of a file as a whole."""
    return Location(source, 1, 1, 1, "")


def decode(content: bytes, source: str) -> str:
    """The text of a file's bytes.

    Raises:
        ConfigError: if the bytes are not UTF-8 text.
    """
    if b"\0" in content:
        help_ = "save it as UTF-8" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "is this the right file?"
        raise ConfigError(
            Problem(
                "binary-file",
                f"`{source}` is not a text file: it holds zero bytes",
                location=file_start(source),
                help=help_,
            )
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace").lstrip("\ufeff")
        rest = content[error.start :].split(b"\n", 1)[0].decode("utf-8", errors="replace")
        lines = (before + "|").splitlines()
        excerpt = lines[-1][:-1] + rest.rstrip("\r")
        place = Location(source, len(lines), len(lines[-1]), 1, excerpt)
        raise ConfigError(
            Problem(
                "not-utf8",
                f"`{source}` is not UTF-8 text: byte {content[error.start]:#04x} cannot be read",
                location=place,
                label="here",
                help="save the file as UTF-8 in your editor",
            )
        ) from None


def place_in(lines: list[str], source: str, start: Any, end: Any) -> Location:
    """The place between two marks, cut at the end of its first line. Columns and lines of marks start at 0."""
    number = min(start.line, len(lines) - 1)
    excerpt = lines[number]
    last = end.column if end.line == start.line else len(excerpt.rstrip())
    return Location(source, number + 1, start.column + 1, max(1, last - start.column), excerpt)


def _unreadable(path: Path, source: str, error: Exception) -> Problem:
    """Why a file could not be opened, with the nearest names that could."""
    place = file_start(source)
    if isinstance(error, IsADirectoryError):
        found = _yaml_files(path)
        help_ = f"it holds {', '.join(f'`{path / name}`' for name in found[:5])}" if found else ""
        return Problem("is-a-folder", f"`{source}` is a folder, not a configuration file", location=place, help=help_)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        import difflib

        if not path.parent.is_dir():
            help_ = f"there is no folder `{path.parent}` either"
        else:
            names = _yaml_files(path.parent)
            near = difflib.get_close_matches(path.name, names, 3, 0.5)
            near += [n for n in names if Path(n).stem == path.name and n not in near]
            help_ = f"did you mean {' or '.join(f'`{path.parent / name}`' for name in near)}?" if near else ""
        return Problem("file-not-found", f"there is no file `{source}`", location=place, help=help_)
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return Problem("unreadable-file", f"`{source}` cannot be read: {reason}", location=place)


def _yaml_files(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith((".yaml", ".yml")))
    except OSError:
        return []
