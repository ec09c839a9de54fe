"""Configuration data before it is typed: a tree of nodes, each with the place where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from dlkit.config.problems import Key, Location
from dlkit.config.scalars import Scalar

MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands. Trees are never changed in place.

    Attributes:
        value: a scalar, or nodes by key, or a list of nodes.
        location: the place of the value.
        key: the place of the key before it; None in a list and at the top.
        written: the text as the user wrote it, where `value` came from an environment variable.
    """

    value: dict[str, Node] | list[Node] | Scalar
    location: Location
    key: Location | None = None
    written: str | None = None


class Place(NamedTuple):
    """Where a key (None in a list and at the top) and its value stand."""

    key: Location | None
    value: Location


@dataclass(frozen=True)
class Document:
    """A configuration file as read: plain data, and the place of everything in it."""

    root: Node

    @property
    def data(self) -> Any:
        """The values without their places."""
        return plain(self.root)

    @property
    def places(self) -> dict[Key, Place]:
        """The place of each key and value, by key path."""
        return {key: Place(node.key, node.location) for key, node in walk(self.root)}


def plain(node: Node) -> Any:
    """The values of a tree as dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def children(node: Node) -> list[tuple[str | int, Node]]:
    """Keys, or indices, and the nodes under them; empty for a scalar."""
    if isinstance(node.value, dict):
        return list(node.value.items())
    if isinstance(node.value, list):
        return list(enumerate(node.value))
    return []


def child(node: Node, part: str | int) -> Node | None:
    """The node under one key or index, if there is one."""
    if isinstance(node.value, dict):
        return node.value.get(part) if isinstance(part, str) else None
    if isinstance(node.value, list) and isinstance(part, int) and 0 <= part < len(node.value):
        return node.value[part]
    return None


def walk(node: Node, key: Key = ()) -> Iterator[tuple[Key, Node]]:
    """Every node with its key path, from the top down."""
    yield key, node
    for part, below in children(node):
        yield from walk(below, (*key, part))


def find(node: Node, key: Key) -> Node | None:
    """The node at a key path, if there is one."""
    here: Node | None = node
    for part in key:
        if here is None:
            return None
        here = child(here, part)
    return here


def nearest(node: Node, key: Key) -> tuple[Key, Node]:
    """The deepest existing node on the way to `key`, and its key path."""
    here = node
    for depth, part in enumerate(key):
        below = child(here, part)
        if below is None:
            return key[:depth], here
        here = below
    return key, here


def with_child(node: Node, part: str | int, new: Node) -> Node:
    """A copy of a mapping or list in which `part` holds `new`."""
    if isinstance(node.value, dict):
        return replace(node, value={**node.value, str(part): new})
    assert isinstance(node.value, list) and isinstance(part, int)
    return replace(node, value=[*node.value[:part], new, *node.value[part + 1 :]])


def dotted(key: Key) -> str:
    """A key path as in an override: `model.blocks.0.filters`."""
    return ".".join(map(str, key))


def height(node: Node) -> int:
    """How many levels a tree has; 1 for a scalar."""
    return 1 + max((height(below) for _, below in children(node)), default=0)


def size(node: Node) -> int:
    """How many nodes a tree has."""
    return 1 + sum(size(below) for _, below in children(node))
