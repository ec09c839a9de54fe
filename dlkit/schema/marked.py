"""Settings that name files or functions: relative paths made absolute, and functions held to the rules of plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dlkit.config import trust
from dlkit.config.annotations import literal_choices
from dlkit.config.paths import expanded
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Key
from dlkit.config.tree import Node, child, find, with_child
from dlkit.config.trust import PluginRule
from dlkit.schema import Config
from dlkit.schema.base import is_function, is_path


def with_allowed_functions(root: Node, config: Config, rule: PluginRule) -> Node:
    """Hold the modules whose functions are named to the rule of plug-ins; those that are files get their whole path.

    Raises:
        ConfigError: naming each that no configuration of the user's has named, where that is asked for.
    """
    names: dict[Key, str] = {}
    for key in _marked(config, (), is_function):
        node = find(root, key)
        if node is None or not isinstance(node.value, str):
            continue
        module, _, function = node.value.rpartition(":")
        file = trust.plugin_file(module, _folder(node))
        names[key] = module if file is None else str(file)
        root = replaced(root, key, replace(node, value=f"{names[key]}:{function}"))
    if rule == "known":
        trust.refuse_unknown(names, Path())
    if rule == "remember":
        trust.remember(list(names.values()), Path())
    return root


def replaced(root: Node, key: Key, new: Node) -> Node:
    """The tree with another node at a key."""
    if not key:
        return new
    below = child(root, key[0])
    assert below is not None
    return with_child(root, key[0], replaced(below, key[1:], new))


def with_absolute_paths(root: Node, config: Config) -> Node:
    """Make relative paths absolute: from the folder of the file that says them, else from the working directory."""
    for key in _marked(config, (), is_path):
        node = find(root, key)
        if node is None or not isinstance(node.value, str):
            continue
        folder = _folder(node)
        given = expanded(node.value)
        if given.is_absolute():
            new = replace(node, value=str(given), written=node.written)
        else:
            absolute = folder.absolute()
            written = None if node.written is None else f"{absolute}/{node.written}"
            new = replace(node, value=str(absolute / given), written=written)
        root = replaced(root, key, new)
    return root


def with_paths(settings: BaseModel, stated: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Settings as they are stated, with every path in them changed.

    Args:
        settings: the typed settings.
        stated: the same as plain values, without defaults.
        change: a path to what takes its place.
    """
    changed = deepcopy(dict(stated))
    for key in _marked(settings, (), is_path):
        if key[0] in changed:
            below: Any = changed
            for part in key[:-1]:
                below = below[part]
            below[key[-1]] = change(below[key[-1]])
    return changed


def _folder(node: Node) -> Path:
    """Where a relative path starts."""
    source = node.location.source
    return Path() if source in (COMMAND_LINE, IN_PYTHON) else Path(source).parent


def _marked(section: Any, key: Key, is_marked: Callable[[FieldInfo], bool]) -> Iterator[Key]:
    """The keys of the texts of some settings, in a typed section and below it."""
    if isinstance(section, BaseModel):
        for name, info in type(section).model_fields.items():
            value = getattr(section, name)
            # A word that may stand in place of a text is none.
            if is_marked(info) and value not in literal_choices(info.annotation):
                yield from _texts(value, (*key, name))
            elif not is_marked(info):
                yield from _marked(value, (*key, name), is_marked)
    elif isinstance(section, dict):
        for name, below in section.items():
            yield from _marked(below, (*key, name), is_marked)


def _texts(value: Any, key: Key) -> Iterator[Key]:
    """The keys of the texts in a value: of itself, or of those in a list or a mapping."""
    if isinstance(value, list | dict):
        for part, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(below, (*key, part))
    else:
        yield key
