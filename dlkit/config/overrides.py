"""Overrides: `training.epochs=3` after the configuration on the command line, or a mapping in Python."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, ConfigError, Key, Location, Problem
from dlkit.config.reader import read_value
from dlkit.config.scalars import is_unicode
from dlkit.config.shape import Shape
from dlkit.config.tree import MAX_DEPTH, Node, child, dotted, with_child

Overrides = Sequence[str] | Mapping[str, Any]


def apply_overrides(root: Node, overrides: Overrides, shape: Shape) -> tuple[Node, list[Problem]]:
    """Set the overridden values in a tree.

    Args:
        root: the configuration as the files give it.
        overrides: words like `training.epochs=3`, or a mapping from dotted keys to values.
        shape: of a whole configuration.

    Returns:
        The new tree, and a problem for each override that could not be set.
    """
    problems: list[Problem] = []
    pairs = overrides.items() if isinstance(overrides, Mapping) else [(word, None) for word in overrides]
    for number, (word, value) in enumerate(pairs, 1):
        try:
            if isinstance(overrides, Mapping):
                root = _set_from_python(root, str(word), value, number, shape)
            else:
                root = _set_from_word(root, str(word), number, shape)
        except ConfigError as error:
            problems += error.problems
    return root, problems


def _set_from_word(root: Node, word: str, number: int, shape: Shape) -> Node:
    place = Location(COMMAND_LINE, number, 1, max(1, len(word)), word)
    name, equals, text = word.partition("=")
    if not equals:
        raise ConfigError(
            Problem(
                "missing-equals",
                f"`{word}` is not an override: it has no `=`",
                location=place,
                label="expected `key=value`",
                help="an override is written `training.epochs=3`",
            )
        )
    parts = _parts(name, place)
    key = tuple(part for part, _ in parts)
    value = read_value(text, place, len(name) + 2, key)
    return _set(root, (), parts, value, shape)


def _set_from_python(root: Node, name: str, value: Any, number: int, shape: Shape) -> Node:
    excerpt = f"{name} = {reprlib.repr(value)}"
    parts = _parts(name, Location(IN_PYTHON, number, 1, max(1, len(name)), excerpt))
    return _set(root, (), parts, from_python(value, tuple(part for part, _ in parts)), shape)


def from_python(value: Any, key: Key = ()) -> Node:
    """A value given in Python as a tree, whose places name the key path.

    Raises:
        ConfigError: if it is nested too deep (or endlessly), or has a key that is not text.
    """
    name = dotted(key)
    excerpt = f"{name} = {reprlib.repr(value)}" if key else reprlib.repr(value)
    last = len(str(key[-1])) if key else 1
    at_key = Location(IN_PYTHON, 1, max(1, len(name) - last + 1), max(1, last), excerpt)
    start = len(name) + 4 if key else 1
    at_value = Location(IN_PYTHON, 1, start, max(1, len(excerpt) - start + 1), excerpt)
    if len(key) > MAX_DEPTH:
        raise ConfigError(Problem("too-deep", f"settings are nested deeper than {MAX_DEPTH} levels", key[:6], at_key))
    if isinstance(value, Mapping):
        for name in value:
            if isinstance(name, str) and not is_unicode(name):
                raise _half_character(key, at_value)
            if not isinstance(name, str):
                raise ConfigError(
                    Problem("non-string-key", f"a key must be text, not {name!r}", key, at_value, help="use a str")
                )
        return Node({name: from_python(below, (*key, name)) for name, below in value.items()}, at_value, at_key)
    if isinstance(value, list | tuple):
        return Node([from_python(below, (*key, i)) for i, below in enumerate(value)], at_value, at_key)
    if hasattr(value, "__fspath__"):
        value = str(value)
    elif hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()  # a NumPy number
    elif isinstance(value, str) and type(value) is not str:
        value = str.__str__(value)
    if isinstance(value, str) and not is_unicode(value):
        raise _half_character(key, at_value)
    return Node(value, at_value, at_key)


def _half_character(key: Key, place: Location) -> ConfigError:
    return ConfigError(
        Problem("control-character", "the text holds half of a character (a lone surrogate)", key, place)
    )


def _parts(name: str, place: Location) -> list[tuple[str, Location]]:
    """The parts of a dotted key, each with its place in the argument."""
    if name.count(".") >= MAX_DEPTH:
        message = f"settings are nested at most {MAX_DEPTH} levels deep, and `{name[:40]}...` goes deeper"
        raise ConfigError(Problem("too-deep", message, location=place))
    if not is_unicode(name):
        label = "remove it, or write the character itself"
        raise ConfigError(
            Problem("control-character", "the key holds half of a character", location=place, label=label)
        )
    parts, column = [], place.column
    for part in name.split("."):
        here = replace(place, column=column, length=max(1, len(part)))
        if not part or re.search(r"\s", part):
            raise ConfigError(
                Problem(
                    "bad-override-key",
                    f"`{name}` is not a key path",
                    location=here,
                    label="a key belongs here",
                    help="keys are joined by single dots, as in `training.optimizer.learning_rate=0.01`",
                )
            )
        parts.append((part, here))
        column += len(part) + 1
    return parts


def _set(node: Node, key: Key, parts: list[tuple[str, Location]], value: Node, shape: Shape) -> Node:
    """A copy of `node`, which is at `key`, with `value` at the key path `parts` below it."""
    if not parts:
        return value
    (name, place), rest = parts[0], parts[1:]
    node = shape.expand(node)
    if node.value is None:
        node = replace(node, value={})
    if isinstance(node.value, list):
        return _set_item(node, key, parts, value, shape)
    if not isinstance(node.value, dict):
        raise ConfigError(
            Problem(
                "path-through-value",
                f"`{dotted(key)}` is {node.value!r}, which has no settings below it",
                (*key, name),
                place,
                f"nothing of that name in `{dotted(key)}`",
            )
        )
    below = child(node, name)
    if below is None and key == () and name == "extends":
        raise ConfigError(Problem("bad-override-key", "`extends` belongs in the file", location=place))
    if below is None and rest:
        if rest[0][0].isdigit():
            raise ConfigError(
                Problem(
                    "index-out-of-range",
                    f"`{dotted((*key, name))}` is not given, so it has no item {rest[0][0]}",
                    (*key, name),
                    rest[0][1],
                    "no such item",
                    f"give the whole list: `{dotted((*key, name))}=[...]`",
                )
            )
        below = Node({}, place, place)
    if below is not None and rest:
        below = _with_default_name(shape.below(name, node), below, rest[0][0], place)
    new = value if below is None else _set(below, (*key, name), rest, value, shape.below(name, node))
    # The key is where the last word on it was said; a section stays where the file has it.
    key_place = place if below is None or not rest or below.key is None else below.key
    return with_child(node, name, replace(new, key=key_place))


def _set_item(node: Node, key: Key, parts: list[tuple[str, Location]], value: Node, shape: Shape) -> Node:
    assert isinstance(node.value, list)
    (name, place), rest = parts[0], parts[1:]
    count = len(node.value)
    if not name.isdecimal():
        raise ConfigError(
            Problem(
                "index-out-of-range",
                f"`{dotted(key)}` is a list, whose items have numbers",
                (*key, name),
                place,
                f"expected 0 to {count - 1}" if count else "the list is empty",
            )
        )
    index = int(name) if len(name) < 10 else count
    if index >= count:
        raise ConfigError(
            Problem(
                "index-out-of-range",
                f"`{dotted(key)}` has no item {name[:20]}: it has {count}",
                (*key, index),
                place,
                f"expected 0 to {count - 1}" if count else "the list is empty",
                "items are counted from 0; to add one, give the whole list",
            )
        )
    return with_child(node, index, _set(node.value[index], (*key, index), rest, value, shape.below(index, node)))


def _with_default_name(shape: Shape, node: Node, part: str, place: Location) -> Node:
    """Write down the default's name before one of its settings is changed, as in `training.optimizer.beta_1=0.8`."""
    node = shape.expand(node)
    if node.value is None:
        node = replace(node, value={})
    key, name = shape.names_by, shape.default_name
    if key is None or name is None or not isinstance(node.value, dict) or key in node.value or part == key:
        return node
    return with_child(node, key, Node(name, place, place))
