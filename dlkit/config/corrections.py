"""What to write instead of a value that has the wrong type."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from dlkit.config.annotations import as_section, bare, choice_in, field_type, members
from dlkit.config.phrases import cut
from dlkit.config.scalars import Scalar, UnclearNumberError, is_plain_text, read_scalar
from dlkit.config.suggestions import nearest_name
from dlkit.config.words import list_choices


def correction(value: Any, choices: Sequence[str] = (), expected: str = "", annotation: Any = None) -> tuple[str, str]:
    """A label and a help that say how to write a value that has the wrong type; empty where there is no telling.

    Args:
        value: what was given.
        choices: the words that are allowed, where only some are.
        expected: the type that is wanted, in words.
        annotation: the same type, as the schema has it.
    """
    if isinstance(value, str | int | float):
        written = _wrapped(value, annotation)
        if written is not None:
            return f"write {written}", ""
        if (section := as_section(annotation)) is not None:
            needs = any(info.is_required() for info in section.model_fields.values())
            on = "write {} to take the defaults" if value is True and not needs else ""
            return "remove the key" if value is False else on, _example(section)
        if (choice := choice_in(annotation)) is not None:
            return "", list_choices(choice.names(), choice.tag)
    if isinstance(value, dict) and expected.startswith("text") and len(value) == 1:
        return "its colon makes it a mapping", "text that holds a colon must be in quotes"
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
                return f"write {number}, not '{cut(value)}'", "numbers have no quotes"
            if not expected.startswith("a list"):
                return f"write {number}", ""
    if expected in ("a list of names", "a list of steps") and word:
        return f"write [{cut(word)}]", ""
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


def _wrapped(value: Scalar, annotation: Any) -> str | None:
    """A scalar as the list or mapping that is wanted in its place; None where it would not do there either."""
    inner = members(annotation)
    if (choice := choice_in(annotation)) is not None:
        if value in choice.names():
            return f"{{{choice.tag}: {value}}}"
        return None if choice.default is None else _by_first(value, choice[choice.default], but=choice.tag)
    if (section := as_section(annotation)) is not None:
        if known := getattr(section, "known_arguments", None):  # an object by name, whose arguments are known
            return nearest_name(str(value), known())
        return _by_first(value, section)
    lists = [bare(member)[0] for member in inner if get_origin(bare(member)[0]) is list]
    if not lists:
        return None
    item = get_args(lists[0])[0]
    written = _written(value) if _fits(value, item) else _wrapped(value, item)
    return None if written is None else f"[{written}]"


def _by_first(value: Scalar, section: type[BaseModel], but: str = "") -> str | None:
    """A scalar as the first setting of a section, if it would do there; `but` is none that it is meant for."""
    name, info = next((name, info) for name, info in section.model_fields.items() if name != but)
    return f"{{{name}: {_written(value)}}}" if _fits(value, field_type(info)) else None


def _fits(value: Scalar, annotation: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _example(section: type[BaseModel]) -> str:
    """How a section is written: with its first setting, where that has a default; else the names of all."""
    name, info = next(iter(section.model_fields.items()))
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    if isinstance(default, str | int | float):
        return f"write settings, as in `{{{name}: {_written(default)}}}`"
    return list_choices(list(section.model_fields), "settings")


def _written(value: Scalar) -> str:
    """A scalar as YAML, within brackets."""
    if isinstance(value, str):
        return cut(value) if is_plain_text(value) and re.fullmatch(r"[\w./ -]*", value) else json.dumps(cut(value))
    return json.dumps(value)
