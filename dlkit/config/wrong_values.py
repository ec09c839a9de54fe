"""What is said about a value that the schema does not allow: its type, its bounds, its form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dlkit.config.annotations import short_form_in
from dlkit.config.corrections import correction
from dlkit.config.errors_path import Path
from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.config.short_forms import Word
from dlkit.config.tree import dotted
from dlkit.config.words import at_the_end, type_in_words

_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def out_of_bounds(kind: str, context: Mapping[str, Any], path: Path, value: Any, text: str) -> Problem | None:
    """A value beyond a limit; None for an error of another kind.

    Args:
        kind: of the error, as pydantic calls it.
        context: what pydantic knows of it.
        path: where the value is.
        value: what was given.
        text: the same in a message.
    """
    name = f"`{dotted(path.key)}`"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        limit = context[bound]
        limit = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        message, label = f"{name} must be {words} {limit}, got {text}", f"must be {words} {limit}"
    elif kind == "finite_number":
        message, label = f"{name} must be a finite number, got {text}", "not finite"
    elif kind in ("too_short", "too_long"):
        few = kind == "too_short"
        limit = context["min_length" if few else "max_length"]
        label = f"at {'least' if few else 'most'} {count(limit, 'item')}"
        message = f"{name} must have {label}, got {len(value)}"
    elif kind in ("string_too_short", "string_too_long"):
        label = "must not be empty" if kind == "string_too_short" else f"has at most {context['max_length']} characters"
        message = f"{name} {label}"
    else:
        return None
    return Problem("out-of-bounds", message, path.key, label=label)


def wrong_type(path: Path, value: Any, text: str) -> Problem:
    """A value of another type than the schema wants there."""
    expected = type_in_words(path)
    if isinstance(short_form_in(at_the_end(path)), Word):
        expected = f"a name or {expected}"
    label, help_ = correction(value, [], expected, at_the_end(path))
    info = path.section.model_fields.get(str(path.key[-1])) if path.section is not None else None
    if value is None and info is not None and info.is_required():
        help_ = "it has no default"
    if path.section is not None and (
        instead := getattr(path.section, "instead_of", lambda *_: "")(path.key[-1], value)
    ):
        label, help_ = instead, ""
    if path.key[:1] == ("expects",) and len(path.key) == 2 and isinstance(value, int | float):
        label, help_ = f'write ">= {value}"', ""
    key = path.branches[-1][0] if path.branches and path.branches[-1][0] == path.key else path.key
    return Problem(
        "wrong-type",
        f"`{dotted(key)}` must be {expected}, got {text}",
        key,
        label=label or f"not {expected}",
        help=help_,
    )


def bad_format(path: Path, value: str, pattern: str) -> Problem:
    """A text that does not have the form that the schema wants there."""
    name = f"`{dotted(path.key)}`"
    if path.key == ("name",):
        clean = re.sub(r"[^A-Za-z0-9_.-]+", "_", value).strip("_.-")[:100]
        return Problem(
            "bad-format",
            f"{name} is made of letters, digits, _ . and -, got {value[:60]!r}",
            path.key,
            label=f"write `{clean}`" if clean else "not a name for a folder",
            help="the run's folder gets this name",
        )
    if "\0" in value:
        return Problem("bad-format", f"{name} holds a NUL character", path.key, label="no path has one")
    if path.key[0] == "expects":
        return Problem(
            "bad-format",
            f"{name} must be a comparison, got {value[:60]!r}",
            path.key,
            label='expected something like ">= 0.99"',
        )
    if path.key[-1] == "max_time":
        message, help = f"{name} must be a time, got {value[:60]!r}", "hours, minutes and seconds, in that order"
        return Problem("bad-format", message, path.key, label="as in `90m` or `1h30m`", help=help)
    if path.key[-1] == "devices":
        message = f"{name} must be `cpu` or `gpu`, alone or with how many, got {value[:60]!r}"
        word = "write `gpu`" if value.lower().startswith(("cuda", "gpu", "nvidia")) else "as in `gpu` or `cpu:2`"
        return Problem("bad-format", message, path.key, label=word)
    return Problem(
        "bad-format",
        f"{name} does not have the expected form, got {value[:60]!r}",
        path.key,
        help=f"the pattern is {pattern}",
    )
