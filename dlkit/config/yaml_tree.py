"""Builds a tree with places from YAML, and refuses what YAML would let pass silently.

Built on PyYAML's events, which come without recursion; nothing in a text can make an object or run code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import yaml

from dlkit.config.problems import MAX_PROBLEMS, ConfigError, Key, Location, Problem
from dlkit.config.scalars import UnclearNumberError, is_unicode, read_scalar
from dlkit.config.tree import MAX_DEPTH, Node, dotted, height, size

MAX_ALIASED_NODES = 10_000

Locate = Callable[[Any, Any], Location]


class _Anchor(NamedTuple):
    node: Node
    size: int
    height: int


class Builder:
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
        from dlkit.config.yaml_errors import control_character, impossible_escape, syntax_problem

        try:
            self.events: Iterator[Any] = yaml.parse(self.text, Loader=yaml.SafeLoader)
            root = self._only_document()
        except yaml.reader.ReaderError as error:
            self._fail(control_character(error, self.text, self.locate))
        except yaml.MarkedYAMLError as error:
            self._fail(syntax_problem(error, self.text, self.locate))
        except (ValueError, OverflowError):  # PyYAML asks for a character that does not exist
            self._fail(impossible_escape(self.text, self.locate))
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
                Problem(
                    "several-documents",
                    "a configuration is one YAML document",
                    location=self.locate(following.start_mark, following.end_mark),
                    label="a second one starts here",
                    help="remove the `---`, or split the file",
                )
            )
        return root

    def _fail(self, problem: Problem) -> NoReturn:
        raise ConfigError([*self.problems, problem])

    def _note(self, code: str, message: str, key: Key, event: Any, label: str = "", help: str = "") -> None:
        place = self.locate(event.start_mark, event.end_mark)
        self.problems.append(Problem(code, message, key, place, label, help))
        if len(self.problems) >= MAX_PROBLEMS:
            raise ConfigError(self.problems)

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
            Problem(
                "too-deep",
                f"settings are nested deeper than {MAX_DEPTH} levels",
                key[:6],
                self.locate(event.start_mark, event.end_mark),
                "here",
            )
        )

    def _alias(self, event: Any, key: Key, depth: int) -> Node:
        place = self.locate(event.start_mark, event.end_mark)
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            if event.anchor in self.anchors:
                self._fail(
                    Problem("circular-alias", f"`*{event.anchor}` stands inside the value that it repeats", key, place)
                )
            self._fail(
                Problem(
                    "unknown-alias",
                    f"nothing before this is marked `&{event.anchor}`",
                    key,
                    place,
                    help="text that starts with `*` must be in quotes",
                )
            )
        self.aliased += anchor.size
        if self.aliased > MAX_ALIASED_NODES:
            self._fail(
                Problem(
                    "alias-bomb",
                    f"aliases repeat more than {MAX_ALIASED_NODES:,} values",
                    key,
                    place,
                    "the limit is passed here",
                )
            )
        if depth + anchor.height - 1 > MAX_DEPTH:
            self._too_deep(event, key)
        return anchor.node

    def _scalar(self, event: Any, key: Key) -> Node:
        place = self.locate(event.start_mark, event.end_mark)
        self._check_tag(event, key, "tag:yaml.org,2002:str")
        self._check_unicode(event, key)
        if event.style is not None or event.tag:
            return Node(event.value, place)
        try:
            return Node(read_scalar(event.value), place)
        except UnclearNumberError as error:
            self._note("unclear-number", f"`{event.value[:40]}` is not a clear number", key, event, help=str(error))
            return Node(None, place)

    def _check_tag(self, event: Any, key: Key, allowed: str) -> None:
        if event.tag not in (None, "!", allowed):
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._note(
                "yaml-tag",
                f"the YAML tag `{shown}` is not allowed: a configuration holds plain data",
                key,
                event,
                "remove the tag",
            )

    def _check_unicode(self, event: Any, key: Key) -> None:
        if not is_unicode(event.value):
            message = "the text holds an escape for half of a character"
            self._note("control-character", message, key, event, "remove it, or write the character itself")

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
                    self._note(
                        "duplicate-key",
                        f"`{dotted((*key, word))}` is written twice",
                        (*key, word),
                        name,
                        f"first written in line {first.line}, column {first.column}",
                        "keep one of them: YAML would silently use the last",
                    )
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
            self._note(
                "non-string-key",
                f"a key must be text, not {what}",
                key,
                event,
                help="is a `:` missing, or a quote? `${...}` in front of a colon needs quotes",
            )
            return None
        self._check_tag(event, key, "tag:yaml.org,2002:str")
        self._check_unicode(event, key)
        if event.style is not None:
            return str(event.value)
        if event.value == "<<":
            self._note(
                "merge-key",
                "the merge key `<<` is not supported",
                key,
                event,
                help="use `extends: base.yaml`, or repeat a whole value with `*name`",
            )
            return None
        try:
            value = read_scalar(event.value)
        except UnclearNumberError:
            value = 0
        if not isinstance(value, str):
            self._note(
                "non-string-key",
                f"a key must be text, not {event.value or 'nothing'}",
                key,
                event,
                help=f"write '{event.value}' in quotes" if event.value else "write the key before the colon",
            )
            return None
        return value
