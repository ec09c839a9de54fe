"""Values, types and choices in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from dlkit.config.errors_path import Path, as_section, literal_choices, members, tagged
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Key, Location
from dlkit.config.scalars import UnclearNumberError, read_scalar
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
        return f"the text {_cut(repr(value))}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, int | float):
        return _cut(repr(value))
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
    if path.branches and path.branches[-1][0] == path.key:
        return annotation_in_words(path.branches[-1][2])
    return annotation_in_words(path.annotation)


def annotation_in_words(annotation: Any, plural: bool = False) -> str:
    """A type in words."""
    if tagged(annotation) or as_section(annotation):
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


def correction(value: Any, choices: Sequence[str] = (), expected: str = "") -> tuple[str, str]:
    """A label and a help that say how to write a value that has the wrong type; empty where there is no telling."""
    if isinstance(value, str):
        return _correct_text(value, expected)
    if choices and str(value).lower() in choices:
        return f"write '{str(value).lower()}' in quotes", ""
    if value is None:
        if "mapping" in expected:
            return "it is empty", "indent its settings below it, or remove the key to take the defaults"
        return "", "remove the key to take the default"
    if isinstance(value, bool):
        if expected.startswith("text"):
            return f"write '{str(value).lower()}' in quotes", ""
        return "", ""
    if isinstance(value, float) and "whole number" in expected and value.is_integer() and abs(value) < 1e15:
        return f"write {int(value)}", ""
    if isinstance(value, int | float):
        if expected.startswith("a list of") and "number" in expected:
            return f"write [{value!r}]", ""
        if expected.startswith("text"):
            return f"write '{value!r}' in quotes", ""
        if expected == "true or false" and value in (0, 1):
            return f"write {'true' if value else 'false'}", ""
    return "", ""


def _correct_text(value: str, expected: str) -> tuple[str, str]:
    word = value.strip()
    if expected == "true or false":
        meant = {
            "yes": "true",
            "on": "true",
            "y": "true",
            "true": "true",
            "1": "true",
            "no": "false",
            "off": "false",
            "n": "false",
            "false": "false",
            "0": "false",
        }.get(word.lower())
        return (f"write {meant}", "") if meant else ("", "")
    if word.lower() in ("none", "nil") and "text" not in expected:
        return "write null", ""
    if "number" in expected:
        number = _number(word)
        if number is not None and ("whole" not in expected or float(number).is_integer()):
            if number == word and not expected.startswith("a list"):
                return f"write {number}, not '{_cut(value)}'", "numbers have no quotes"
            if not expected.startswith("a list"):
                return f"write {number}", ""
    if expected.startswith("a list") and word:
        return f"write [{_cut(word)}]", ""
    return "", ""


def _number(word: str) -> str | None:
    """How a number that is written as text should be written."""
    try:
        if isinstance(read_scalar(word), int | float) and not isinstance(read_scalar(word), bool):
            return word
    except UnclearNumberError:
        return word.lstrip("0") if word.isdecimal() and word.strip("0") else None
    if re.fullmatch(r"\d{1,3}([_, ]\d{3})+|\d+(_\d+)+", word):
        return re.sub(r"[_, ]", "", word)
    if match := re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)", word):
        return f"{float(match[1]) / float(match[2]):.10g}" if float(match[2]) else None
    if match := re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*%", word):
        return f"{float(match[1]) / 100:.10g}"
    if re.fullmatch(r"-?\d+,\d+", word):
        return word.replace(",", ".")
    return None


def _cut(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
