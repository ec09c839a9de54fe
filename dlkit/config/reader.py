"""Reads YAML into plain data with a place for everything, and refuses what YAML would let pass silently.

Built on PyYAML's events, which come without recursion; nothing in a file can make an object or run code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from dlkit.config.problems import ConfigError, Key, Location, Problem
from dlkit.config.scalars import UnclearNumberError, read_scalar
from dlkit.config.tree import MAX_DEPTH, Document, Node, dotted, height, size

MAX_BYTES = 2**20
MAX_ALIASED_NODES = 10_000

Locate = Callable[[Any, Any], Location]


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
            Problem("file-too-large", f"`{source}` is larger than 1 MiB, which no configuration needs",
                    location=file_start(source), help="is this the right file?")
        )  # fmt: skip
    return read_text(decode(content, source), source)


def read_text(text: str, source: str) -> Document:
    """Read the text of a configuration file, whose top level must be a mapping.

    Raises:
        ConfigError: with a located problem for everything that is wrong.
    """
    lines = text.splitlines() or [""]

    def locate(start: Any, end: Any) -> Location:
        return place_in(lines, source, start, end)

    root = _Builder(text, locate).document()
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    place = Location(source, first + 1, 1, max(1, len(lines[first])), lines[first])
    if root is None or root.value is None:
        raise ConfigError(
            Problem("empty-file", f"`{source}` holds no settings", location=place,
                    help="the smallest configuration has `name`, `data` and `model`")
        )  # fmt: skip
    if not isinstance(root.value, dict):
        what = "a list" if isinstance(root.value, list) else f"the text {str(root.value)[:60]!r}"
        raise ConfigError(
            Problem("not-a-mapping", f"the top level of `{source}` must be a mapping of settings, not {what}",
                    location=root.location, label="expected `name: value` lines",
                    help="a setting is written `epochs: 3`, with a space after the colon")
        )  # fmt: skip
    return Document(root)


def read_value(text: str, argument: Location, column: int, key: Key) -> Node:
    """Read the value of an override, by the same rules as a file.

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

    node = _Builder(text, locate, key).document()
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
            Problem("binary-file", f"`{source}` is not a text file: it holds zero bytes",
                    location=file_start(source), help=help_)
        )  # fmt: skip
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace").lstrip("\ufeff")
        rest = content[error.start :].split(b"\n", 1)[0].decode("utf-8", errors="replace")
        lines = (before + "|").splitlines()
        excerpt = lines[-1][:-1] + rest.rstrip("\r")
        place = Location(source, len(lines), len(lines[-1]), 1, excerpt)
        raise ConfigError(
            Problem("not-utf8", f"`{source}` is not UTF-8 text: byte {content[error.start]:#04x} cannot be read",
                    location=place, label="here", help="save the file as UTF-8 in your editor")
        ) from None  # fmt: skip


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


class _Anchor(NamedTuple):
    node: Node
    size: int
    height: int


class _Builder:
    """Builds the tree of one document from PyYAML's events.

    Mistakes that leave the rest readable are collected; the others end the reading.
    """

    def __init__(self, text: str, locate: Locate, key: Key = ()) -> None:
        self.text = text
        self.locate = locate
        self.key = key
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Anchor | None] = {}
        self.aliased = 0

    def document(self) -> Node | None:
        """The root of the only document, or None where there is none."""
        from dlkit.config.yaml_errors import control_character, syntax_problem

        try:
            self.events: Iterator[Any] = yaml.parse(self.text, Loader=yaml.SafeLoader)
            root = self._only_document()
        except yaml.reader.ReaderError as error:
            self._fail(control_character(error, self.text, self.locate))
        except yaml.MarkedYAMLError as error:
            self._fail(syntax_problem(error, self.text, self.locate))
        if self.problems:
            raise ConfigError(self.problems)
        return root

    def _only_document(self) -> Node | None:
        next(self.events)  # the start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self.events), self.key, 1)
        next(self.events)  # the end of the document
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            self._fail(
                Problem("several-documents", "a configuration is one YAML document",
                        location=self.locate(following.start_mark, following.end_mark),
                        label="a second one starts here", help="remove the `---`, or split the file")
            )  # fmt: skip
        return root

    def _fail(self, problem: Problem) -> NoReturn:
        raise ConfigError([*self.problems, problem])

    def _note(self, code: str, message: str, key: Key, event: Any, label: str = "", help: str = "") -> None:
        place = self.locate(event.start_mark, event.end_mark)
        self.problems.append(Problem(code, message, key, place, label, help))

    def _node(self, event: Any, key: Key, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._too_deep(event, key)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key, depth)
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, key)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, key, depth)
        else:
            node = self._sequence(event, key, depth)
        if event.anchor:
            self.anchors[event.anchor] = _Anchor(node, size(node), height(node))
        return node

    def _too_deep(self, event: Any, key: Key) -> NoReturn:
        self._fail(
            Problem("too-deep", f"settings are nested deeper than {MAX_DEPTH} levels", key[:6],
                    self.locate(event.start_mark, event.end_mark), "here")
        )  # fmt: skip

    def _alias(self, event: Any, key: Key, depth: int) -> Node:
        place = self.locate(event.start_mark, event.end_mark)
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            if event.anchor in self.anchors:
                self._fail(Problem("circular-alias", f"`*{event.anchor}` stands inside the value that it repeats", key,
                                   place))  # fmt: skip
            self._fail(Problem("unknown-alias", f"nothing before this is marked `&{event.anchor}`", key, place,
                               help="text that starts with `*` must be in quotes"))  # fmt: skip
        self.aliased += anchor.size
        if self.aliased > MAX_ALIASED_NODES:
            self._fail(
                Problem("alias-bomb", f"aliases repeat more than {MAX_ALIASED_NODES:,} values", key, place,
                        "the limit is passed here")
            )  # fmt: skip
        if depth + anchor.height - 1 > MAX_DEPTH:
            self._too_deep(event, key)
        return anchor.node

    def _scalar(self, event: Any, key: Key) -> Node:
        place = self.locate(event.start_mark, event.end_mark)
        self._check_tag(event, key, "tag:yaml.org,2002:str")
        if event.style is not None or event.tag:
            return Node(event.value, place)
        try:
            return Node(read_scalar(event.value), place)
        except UnclearNumberError as error:
            self._note("unclear-number", f"`{event.value[:40]}` is not a clear number", key, event,
                       help=str(error))  # fmt: skip
            return Node(None, place)

    def _check_tag(self, event: Any, key: Key, allowed: str) -> None:
        if event.tag not in (None, "!", allowed):
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._note("yaml-tag", f"the YAML tag `{shown}` is not allowed: a configuration holds plain data", key, event,
                       "remove the tag")  # fmt: skip

    def _sequence(self, event: Any, key: Key, depth: int) -> Node:
        self._check_tag(event, key, "tag:yaml.org,2002:seq")
        items: list[Node] = []
        end = next(self.events)
        while not isinstance(end, yaml.SequenceEndEvent):
            items.append(self._node(end, (*key, len(items)), depth + 1))
            end = next(self.events)
        return Node(items, self.locate(event.start_mark, end.end_mark))

    def _mapping(self, event: Any, key: Key, depth: int) -> Node:
        self._check_tag(event, key, "tag:yaml.org,2002:map")
        entries: dict[str, Node] = {}
        name = next(self.events)
        while not isinstance(name, yaml.MappingEndEvent):
            word = self._key(name, key, depth)
            node = self._node(next(self.events), (*key, word) if word is not None else key, depth + 1)
            if word is not None:
                place = self.locate(name.start_mark, name.end_mark)
                if word in entries:
                    first = entries[word].key
                    assert first is not None
                    self._note("duplicate-key", f"`{dotted((*key, word))}` is written twice", (*key, word), name,
                               f"first written in line {first.line}, column {first.column}",
                               "keep one of them: YAML would silently use the last")  # fmt: skip
                else:
                    entries[word] = Node(node.value, node.location, place, node.written)
            name = next(self.events)
        return Node(entries, self.locate(event.start_mark, name.end_mark))

    def _key(self, event: Any, key: Key, depth: int) -> str | None:
        """The text of a mapping's key; None, with a problem noted, where it is not text."""
        if not isinstance(event, yaml.ScalarEvent):
            before = len(self.problems)
            self._node(event, key, depth + 1)
            del self.problems[before:]
            what = "an alias" if isinstance(event, yaml.AliasEvent) else "a list or mapping"
            self._note("non-string-key", f"a key must be text, not {what}", key, event,
                       help="is a `:` missing, or a quote? `${...}` in front of a colon needs quotes")  # fmt: skip
            return None
        self._check_tag(event, key, "tag:yaml.org,2002:str")
        if event.style is not None:
            return str(event.value)
        if event.value == "<<":
            self._note("merge-key", "the merge key `<<` is not supported", key, event,
                       help="use `extends: base.yaml`, or repeat a whole value with `*name`")  # fmt: skip
            return None
        try:
            value = read_scalar(event.value)
        except UnclearNumberError:
            value = 0
        if not isinstance(value, str):
            self._note("non-string-key", f"a key must be text, not {event.value or 'nothing'}", key, event,
                       help=f"write '{event.value}' in quotes" if event.value else "write the key before the colon",
                       )  # fmt: skip
            return None
        return value
