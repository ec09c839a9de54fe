"""`${env:NAME}` and `${other.key}` within values.

A value that is one reference takes the other's value with its type; within text, references are filled in as text.
`$${` stands for `${` itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace

from dlkit.config.problems import MAX_PROBLEMS, Key, Problem
from dlkit.config.scalars import UnclearNumberError, is_unicode, read_scalar
from dlkit.config.tree import MAX_DEPTH, Node, child, children, dotted, height, size

MAX_COPIED_NODES = 10_000
MAX_TEXT = 100_000
MAX_CHAIN = 50

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class _BadReferenceError(Exception):
    def __init__(self, code: str, message: str, help: str = "", near: str = "") -> None:
        super().__init__(message)
        self.code, self.help, self.near = code, help, near


def resolve_references(root: Node, environment: Mapping[str, str] | None = None) -> tuple[Node, list[Problem]]:
    """Fill in every reference of a tree.

    Args:
        root: the configuration with files merged and overrides set.
        environment: variables for `${env:NAME}`; by default those of the process.

    Returns:
        The tree without references, in which a value from the environment keeps what was `written`, and a problem for
        each reference that leads nowhere (its value is left as it is).
    """
    resolver = _Resolver(root, os.environ if environment is None else environment)
    resolved = resolver.node(root, ())
    return resolved, resolver.problems


class _Resolver:
    def __init__(self, root: Node, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = environment
        self.problems: list[Problem] = []
        self.done: dict[Key, Node] = {}
        self.open: list[Key] = []
        self.copied = 0

    def node(self, node: Node, key: Key) -> Node:
        """The node at `key` with its references filled in."""
        if key in self.done:
            return self.done[key]
        if key in self.open:
            circle = " -> ".join(f"`{dotted(k)}`" for k in [*self.open[self.open.index(key) :], key])
            raise _BadReferenceError("circular-reference", f"the reference leads back to itself: {circle}")
        if len(self.open) > MAX_CHAIN + MAX_DEPTH:
            raise _BadReferenceError("circular-reference", "references lead on to references too many times")
        self.open.append(key)
        try:
            new = self._filled(node, key)
        finally:
            self.open.pop()
        self.done[key] = new
        return new

    def _filled(self, node: Node, key: Key) -> Node:
        if isinstance(node.value, dict):
            return replace(node, value={part: self._below(below, (*key, part)) for part, below in node.value.items()})
        if isinstance(node.value, list):
            return replace(node, value=[self._below(below, (*key, i)) for i, below in enumerate(node.value)])
        if isinstance(node.value, str) and "${" in node.value:
            return self._text(node, node.value, key)
        return node

    def _below(self, node: Node, key: Key) -> Node:
        if len(self.problems) >= MAX_PROBLEMS:
            return node
        try:
            return self.node(node, key)
        except _BadReferenceError as error:
            self.problems.append(
                Problem(error.code, str(error), key, node.location, error.near, error.help or "a literal `${` is `$${`")
            )
            self.done[key] = node
            return node

    def _text(self, node: Node, text: str, key: Key) -> Node:
        whole = _REFERENCE.fullmatch(text)
        if whole and whole[1] is not None:
            return self._whole(node, whole[1], key)
        value, written, from_environment, last = [], [], False, 0
        for match in _REFERENCE.finditer(text):
            value.append(text[last : match.start()])
            written.append(text[last : match.start()])
            last = match.end()
            if match[0] == "$${":
                value.append("${")
                written.append("$${")
                continue
            if match[1] is None:
                raise _BadReferenceError("bad-reference", "a reference is opened by `${` and not closed by `}`")
            part = self._whole(node, match[1], key, as_text=True)
            if isinstance(part.value, dict | list):
                raise _BadReferenceError(
                    "bad-reference", f"`{match[1]}` is not a single value, so it cannot stand within text"
                )
            value.append(part.value if isinstance(part.value, str) else _as_text(part))
            written.append(part.written if part.written is not None else value[-1].replace("${", "$${"))
            from_environment |= part.written is not None
        value.append(text[last:])
        written.append(text[last:])
        filled = "".join(value)
        if len(filled) > MAX_TEXT:
            raise _BadReferenceError("bad-reference", f"the text grows beyond {MAX_TEXT:,} characters")
        return replace(node, value=filled, written="".join(written) if from_environment else None)

    def _whole(self, node: Node, body: str, key: Key, as_text: bool = False) -> Node:
        if body.startswith("env:"):
            return self._environment(node, body, as_text)
        return self._other(node, body, key)

    def _environment(self, node: Node, body: str, as_text: bool) -> Node:
        name, comma, default = body.removeprefix("env:").partition(",")
        text = self.environment.get(name.strip(), default.strip() if comma else None)
        if text is None:
            raise _BadReferenceError(
                "missing-variable",
                f"the environment variable `{name.strip()}` is not set",
                f"set it, as in `{name.strip()}=... dlkit ...`, or give a default: `${{env:{name.strip()},value}}`",
                "not set",
            )
        if not is_unicode(text):
            raise _BadReferenceError("bad-reference", f"the environment variable `{name.strip()}` is not UTF-8 text")
        try:
            value = text if as_text else read_scalar(text)
        except UnclearNumberError:
            value = text
        return replace(node, value=value, written=f"${{{body}}}")

    def _other(self, node: Node, body: str, key: Key) -> Node:
        target, path = self.root, _path(self.root, body)
        if path is None:
            raise self._unknown(body)
        for depth, part in enumerate(path):
            if isinstance(target.value, str):
                target = self.node(target, path[:depth])
            below = child(target, part)
            if below is None:
                raise self._unknown(body)
            target = below
        if path == key[: len(path)]:
            raise _BadReferenceError("circular-reference", f"`{body}` holds the reference to it")
        found = self.node(target, path)
        if isinstance(found.value, dict | list):
            self.copied += size(found)
            if self.copied > MAX_COPIED_NODES or len(key) + height(found) > MAX_DEPTH:
                raise _BadReferenceError("bad-reference", "references repeat too many values, or nest too deep")
        return _moved(found, node)

    def _unknown(self, body: str) -> _BadReferenceError:
        from dlkit.config.suggestions import nearest_name

        keys = [dotted(k) for k, below in _paths(self.root) if below.value is not None]
        near = nearest_name(body, keys)
        return _BadReferenceError(
            "unknown-reference",
            f"`{body}` is not given in this configuration",
            "a reference can only point to what a file or an override writes out" if not near else "",
            f"did you mean `{near}`?" if near else "",
        )


def environment_text(written: str, environment: Mapping[str, str] | None = None) -> str:
    """A value from the environment as plain text, for a setting that is text even where it looks like a number."""
    environment = os.environ if environment is None else environment

    def text(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, _, default = (match[1] or "").removeprefix("env:").partition(",")
        return environment.get(name.strip(), default.strip())

    return _REFERENCE.sub(text, written)


def _paths(root: Node) -> list[tuple[Key, Node]]:
    found: list[tuple[Key, Node]] = []
    stack: list[tuple[Key, Node]] = [((), root)]
    while stack and len(found) < 500:
        key, node = stack.pop()
        found.append((key, node))
        stack += [((*key, part), below) for part, below in children(node)]
    return found[1:]


def _path(root: Node, body: str) -> Key | None:
    """The key path that a dotted word means, with indices of lists as numbers."""
    parts = body.strip().split(".")
    if not all(parts) or len(parts) > MAX_DEPTH:
        return None
    key: list[str | int] = []
    node: Node | None = root
    for part in parts:
        is_index = part.isdecimal() and len(part) < 10 and not (node and isinstance(node.value, dict))
        key.append(int(part) if is_index else part)
        node = child(node, key[-1]) if node else None
    return tuple(key)


def _moved(node: Node, to: Node) -> Node:
    """A copy of a resolved node whose places, key and all, are those of the reference."""
    value = node.value
    if isinstance(value, dict):
        value = {part: replace(_moved(below, to), key=to.location) for part, below in value.items()}
    elif isinstance(value, list):
        value = [_moved(below, to) for below in value]
    return replace(to, value=value, written=node.written)


def _as_text(node: Node) -> str:
    if node.value is None:
        return "null"
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
