"""Values, types and choices in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from dlkit.config.annotations import as_section, choice_in, literal_choices, members, noun_of_step, short_form_in
from dlkit.config.errors_path import Path
from dlkit.config.phrases import cut
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Key, Location
from dlkit.config.short_forms import Word
from dlkit.config.tree import Node, dotted


def section_name(key: Key) -> str:
    """A section as it is called in a message."""
    return dotted(key) if key else "the configuration"


def shown(value: Any, node: Node | None = None) -> str:
    """A value in a message. One from the environment is not shown."""
    if node is not None and node.written is not None:
        return f"what `{node.written[:80]}` holds"
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {cut(repr(value))}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, int | float):
        return cut(repr(value))
    return f"a {type(value).__name__}"


def describe(place: Location) -> str:
    """A place in a few words: `configs/a.yaml:24`, `command line, argument 2`."""
    if place.source == COMMAND_LINE:
        return f"{COMMAND_LINE}, argument {place.line}"
    return IN_PYTHON if place.source == IN_PYTHON else f"{place.source}:{place.line}"


def list_choices(choices: Sequence[str], what: str = "choices") -> str:
    """Every allowed word, in one line."""
    if len(choices) == 1:
        return f"the only choice is {choices[0]}"
    return f"{what}: {', '.join(choices)}" if choices else ""


def type_in_words(path: Path) -> str:
    """What the schema expects at the end of a path: `a whole number`."""
    annotation = at_the_end(path)
    if get_origin(members(annotation)[0]) is list:
        (item,) = get_args(members(annotation)[0])
        if (noun := noun_of_step(item)) or isinstance(short_form_in(item), Word):
            return f"a list of {noun or 'name'}s"
    return annotation_in_words(annotation)


def at_the_end(path: Path) -> Any:
    """The type that the schema has at the end of a path, the whole of it where it is a union."""
    return path.branches[-1][2] if path.branches and path.branches[-1][0] == path.key else path.annotation


def annotation_in_words(annotation: Any, plural: bool = False) -> str:
    """A type in words."""
    if choice_in(annotation) or as_section(annotation):
        return "mappings of settings" if plural else "a mapping of settings"
    inner = members(annotation)
    if len(inner) > 1:
        return " or ".join(annotation_in_words(member, plural) for member in inner)
    (bare,) = inner
    while hasattr(bare, "__metadata__"):
        bare = get_args(bare)[0]
    if literal_choices(bare):
        return "one of " + ", ".join(literal_choices(bare))
    if get_origin(bare) is list:
        return f"{'lists' if plural else 'a list'} of {annotation_in_words(get_args(bare)[0], True)}"
    if get_origin(bare) is dict or bare is dict:
        return "mappings" if plural else "a mapping"
    words = {
        int: ("a whole number", "whole numbers"),
        float: ("a number", "numbers"),
        str: ("text", "texts"),
        bool: ("true or false", "true or false"),
        list: ("a list", "lists"),
    }
    return words.get(bare, ("another type", "other types"))[plural]
