"""What may be written instead of a whole mapping: `adam` for `{name: adam}`, `rescale` for `{rescale: {}}`, a number.

A short form stands in `Annotated[Section, ShortForm]`, and works in two places: on plain values when pydantic types
them, and on the tree, so that an override or an `extends` reaches inside of what was written short.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from dlkit.config.tree import Node

# The fields that may hold the name of a step.
TAGS = ("step", "name", "layer")


class ShortForm(ABC):
    """One way to write a mapping short."""

    # The key that says which of several things the mapping is; a mapping that names another one starts afresh.
    names_by: str | None = None

    @abstractmethod
    def read(self, value: Any) -> Any:
        """A plain value, as the mapping that it stands for; anything else unchanged."""

    @abstractmethod
    def expand(self, node: Node) -> Node:
        """The same for a value in the tree."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))


class Word(ShortForm):
    """A plain word stands for `{key: word}`, as in `optimizer: adam`."""

    def __init__(self, key: str) -> None:
        self.key = self.names_by = key

    def read(self, value: Any) -> Any:
        return {self.key: value} if isinstance(value, str) else value

    def expand(self, node: Node) -> Node:
        if not isinstance(node.value, str):
            return node
        return self.wrapped(node)

    def wrapped(self, node: Node) -> Node:
        """Any value under the key."""
        return replace(node, value={self.key: replace(node, key=node.key or node.location)}, written=None)


class SameForEach(ShortForm):
    """A whole number stands for the same number under each of some keys."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def read(self, value: Any) -> Any:
        return dict.fromkeys(self.keys, value) if _whole_number(value) else value

    def expand(self, node: Node) -> Node:
        if not _whole_number(node.value):
            return node
        below = replace(node, key=node.key or node.location)
        return replace(node, value=dict.fromkeys(self.keys, below), written=None)


class SingleKey(ShortForm):
    """A step: `rescale` stands for `{rescale: {}}`, which is typed with the name under `tag`.

    Args:
        tag: the field that holds the name: one of `TAGS`.
        word: from the name of a step to the setting that a bare value stands for, as in `{fill_missing: median}`; an
            empty text where there is none.
        noun: what messages call it.
        lists: whether a list is such a bare value too, as in `{reshape: [7, 7, 64]}`.
    """

    def __init__(
        self, tag: str, word: Callable[[str], str] = lambda name: "", *, noun: str = "step", lists: bool = False
    ) -> None:
        self.tag, self.word, self.noun = tag, word, noun
        self._settings = dict if lists else dict | list

    def read(self, value: Any) -> Any:
        if isinstance(value, str):
            return {self.tag: value}
        if isinstance(value, dict) and len(value) == 1 and self.tag not in value:
            ((name, settings),) = value.items()
            if settings is None or isinstance(settings, dict):
                return {self.tag: name, **(settings or {})}
            if isinstance(name, str) and not isinstance(settings, self._settings) and (word := self.word(name)):
                return {self.tag: name, word: settings}
        return value

    def expand(self, node: Node) -> Node:
        if isinstance(node.value, dict) and len(node.value) == 1:
            ((name, below),) = node.value.items()
            word = "" if isinstance(below.value, self._settings) or below.value is None else self.word(name)
            return replace(node, value={name: Word(word).wrapped(below)}) if word else node
        if not isinstance(node.value, str):
            return node
        return replace(node, value={node.value: Node({}, node.location, node.location)})


def _whole_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
