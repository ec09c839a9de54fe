"""Turns a tree into a typed configuration, or into located problems: every mistake once, in the order of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dlkit.config.annotations import choice_in, is_step, literal_choices, short_form_in
from dlkit.config.corrections import correction
from dlkit.config.errors_path import Path, follow, union_form
from dlkit.config.problems import MAX_PROBLEMS, Problem
from dlkit.config.short_forms import Word
from dlkit.config.steps import malformed_step
from dlkit.config.suggestions import meant_by, nearest_name
from dlkit.config.tree import Node, dotted, find, nearest, plain
from dlkit.config.unknown_keys import unknown_key
from dlkit.config.words import at_the_end, list_choices, section_name, shown, type_in_words

_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_WRONG_TYPES = {
    "int_type",
    "int_from_float",
    "int_parsing",
    "float_type",
    "string_type",
    "bool_type",
    "list_type",
    "dict_type",
    "model_type",
    "model_attributes_type",
    "none_required",
    "mapping_type",
}


C = TypeVar("C", bound=BaseModel)


def validate(root: Node, config_class: type[C]) -> tuple[C | None, list[Problem]]:
    """The typed configuration, or None and what is wrong with it."""
    try:
        return config_class.model_validate(plain(root)), []
    except ValidationError as error:
        return None, problems_of(error, root, config_class)


def problems_of(error: ValidationError, root: Node, config_class: type[BaseModel]) -> list[Problem]:
    """Pydantic's errors as located problems, each mistake once, in no particular order."""
    errors = error.errors(include_url=False)[:MAX_PROBLEMS]
    pairs = [(details, follow(details["loc"], config_class, root)) for details in errors]
    problems = []
    for details, path in _without_other_branches(pairs, root):
        problems.append(_problem(details, path, root, config_class))
    return _without_echoes([locate(problem, root) for problem in problems])


def locate(problem: Problem, root: Node) -> Problem:
    """The problem with the place of its key, or of the nearest section that is written down."""
    if problem.location is not None:
        return problem
    _, node = nearest(root, problem.key)
    names_key = problem.code in ("unknown-key", "malformed-step") or isinstance(node.value, dict | list | None)
    place = node.key if names_key and node.key is not None else node.location
    return replace(problem, location=place)


def in_order(problems: Iterable[Problem], sources: Iterable[str] = ()) -> list[Problem]:
    """Problems without repeats, by file (in the order of `sources`), line and column."""
    rank = {source: number for number, source in enumerate(sources)}
    unique = {(p.code, p.key, p.message, p.location): p for p in problems}

    def position(problem: Problem) -> tuple[int, int, int]:
        place = problem.location
        return (rank.get(place.source, len(rank)), place.line, place.column) if place else (-1, 0, 0)

    return sorted(unique.values(), key=position)


def _without_other_branches(pairs: list[tuple[ErrorDetails, Path]], root: Node) -> list[tuple[ErrorDetails, Path]]:
    """For a value that may be one of several types, only the errors of the type that it has."""
    kept = []
    for details, path in pairs:
        if path.branches:
            key, label, _ = path.branches[-1]
            node = find(root, key)
            form = type(node.value) if node is not None and isinstance(node.value, list | dict) else None
            labels = [p.branches[-1][1] for _, p in pairs if p.branches and p.branches[-1][0] == key]
            if form is not union_form(label) and any(form is union_form(other) for other in labels):
                continue
        kept.append((details, path))
    return kept


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """Drop `x is missing` where a misspelt x is reported in the same section."""
    meant = {(p.key[:-1], p.label) for p in problems if p.code == "unknown-key"}
    return [
        p for p in problems if not (p.code == "missing-key" and (p.key[:-1], f"did you mean `{p.key[-1]}`?") in meant)
    ]


def _problem(details: ErrorDetails, path: Path, root: Node, config_class: type[BaseModel]) -> Problem:
    kind, context = details["type"], details.get("ctx") or {}
    node = find(root, path.key)
    value = details["input"] if node is None else plain(node)
    text = shown(value, node)
    name = f"`{dotted(path.key)}`"
    if is_step(path.annotation) and (problem := malformed_step(path, node)):
        return problem
    if kind == "missing" and path.key[-1] in ("name", "step"):
        step = path.step_key
        if step and (problem := malformed_step(replace(path, key=step), find(root, step))):
            return problem
    if kind in ("extra_forbidden", "unknown-key"):
        return unknown_key(path, context.get("choices"), context.get("name"), root, config_class)
    if kind == "missing":
        return _missing(path, root)
    if kind == "missing-tag":
        return _missing_tag(path, node)
    if kind == "unknown-choice":
        return _unknown_choice(path, context, node, root, config_class)
    if kind == "literal_error":
        synonyms = getattr(path.section, "words_also_called", {}).get(str(path.key[-1]), {})
        if not isinstance(value, str):
            label, help_ = correction(value, literal_choices(path.annotation))
            if not label and (meant := meant_by(str(value), synonyms)):
                label = f"did you mean `{meant[0]}`?"
            return Problem(
                "unknown-choice",
                f"{text} is not a choice for {name}",
                path.key,
                label=label,
                help=help_ or list_choices(literal_choices(path.annotation)),
            )
        context = {"value": value, "choices": literal_choices(path.annotation), "synonyms": synonyms}
        return _unknown_choice(path, context, node, root, config_class)
    if kind in _WRONG_TYPES:
        return _wrong_type(path, value, text)
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        limit = context[bound]
        limit = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        return Problem(
            "out-of-bounds", f"{name} must be {words} {limit}, got {text}", path.key, label=f"must be {words} {limit}"
        )
    if kind == "finite_number":
        return Problem("out-of-bounds", f"{name} must be a finite number, got {text}", path.key, label="not finite")
    if kind in ("too_short", "too_long"):
        few = kind == "too_short"
        limit = context["min_length" if few else "max_length"]
        items = "item" if limit == 1 else "items"
        return Problem(
            "out-of-bounds",
            f"{name} must have at {'least' if few else 'most'} {limit} {items}, got {len(value)}",
            path.key,
            label=f"at {'least' if few else 'most'} {limit} {items}",
        )
    if kind in ("string_too_short", "string_too_long"):
        words = "must not be empty" if kind == "string_too_short" else f"has at most {context['max_length']} characters"
        return Problem("out-of-bounds", f"{name} {words}", path.key, label=words)
    if kind == "string_pattern_mismatch":
        return _bad_format(
            path, node.written if node is not None and node.written else str(value), str(context["pattern"])
        )
    reason = str(details["msg"]).removeprefix("Value error, ")
    return Problem("invalid-value", f"{name} is not valid: {reason}", path.key, label=f"got {text}")


def _wrong_type(path: Path, value: Any, text: str) -> Problem:
    expected = type_in_words(path)
    if isinstance(short_form_in(at_the_end(path)), Word):
        expected = f"a name or {expected}"
    label, help_ = correction(value, [], expected, at_the_end(path))
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


def _bad_format(path: Path, value: str, pattern: str) -> Problem:
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
    return Problem(
        "bad-format",
        f"{name} does not have the expected form, got {value[:60]!r}",
        path.key,
        help=f"the pattern is {pattern}",
    )


def _missing(path: Path, root: Node) -> Problem:
    name, section = str(path.key[-1]), path.section
    written = find(root, path.key[:-1])
    for word in written.value if written is not None and isinstance(written.value, dict) else ():
        if section is not None and word not in section.model_fields and nearest_name(word, [name]):
            return Problem(
                "unknown-key",
                f"`{word}` is not a setting of {section_name(path.key[:-1])}",
                (*path.key[:-1], word),
                label=f"did you mean `{name}`?",
            )
    info = section.model_fields.get(name) if section else None
    description = f"{name}: {info.description}" if info and info.description else ""
    return Problem(
        "missing-key",
        f"`{name}` is missing in {section_name(path.key[:-1])}",
        path.key,
        label=f"needs `{name}`",
        help=description,
    )


def _missing_tag(path: Path, node: Node | None) -> Problem:
    choice = choice_in(path.annotation)
    assert choice is not None
    tag, choices = choice.tag, choice.names()
    written = list(node.value) if node is not None and isinstance(node.value, dict) else []
    known = {key for member in choice.classes().values() for key in member.model_fields}
    for word in written:
        if word.startswith(f"{tag}:"):
            return Problem(
                "unknown-key",
                f"`{word}` is not a setting of {section_name(path.key)}",
                (*path.key, word),
                label="a space is missing after the colon",
            )
        if word not in known and nearest_name(word, [tag]) == tag:
            return Problem(
                "unknown-key",
                f"`{word}` is not a setting of {section_name(path.key)}",
                (*path.key, word),
                label=f"did you mean `{tag}`?",
                help=list_choices(choices, tag),
            )
    return Problem(
        "missing-key",
        f"`{tag}` is missing in {section_name(path.key)}",
        (*path.key, tag),
        label=f"needs `{tag}`",
        help=list_choices(choices, tag),
    )


def _unknown_choice(
    path: Path, context: Mapping[str, Any], node: Node | None, root: Node, config_class: type[BaseModel]
) -> Problem:
    """A word that is none of the choices.

    Args:
        path: where it is, or the section that it names the class of.
        context: `value` and `choices`, and, where they are known, `tag`, the key of the word in the section,
            `synonyms` of the choices, and `hint`, a label for this word.
        node: what is at the path.
        root: the whole configuration.
        config_class: its class, which may know which of the choices fit there.
    """
    key, value, tag = path.key, str(context["value"]), context.get("tag")
    choices = list(context["choices"])
    if tag and node is not None and isinstance(node.value, dict):
        word = next(iter(node.value)) if is_step(path.annotation) and len(node.value) == 1 else tag
        key = (*key, word if word in node.value else tag)
    near = nearest_name(value, choices, context.get("synonyms"))
    label = context.get("hint") or (f"did you mean `{near}`?" if near else "")
    said = find(root, key)
    written = said.written if said is not None else node.written if node is not None else None
    shown_value = written or value
    if is_step(path.annotation):
        message = f"`{shown_value}` is not a step of {section_name(path.key[:-1])}"
    else:
        message = f"`{shown_value[:80]}` is not a choice for `{dotted(key)}`"
    fitting = getattr(config_class, "fitting", lambda key, root: None)(path.key, plain(root))
    fit = [choice for choice in choices if choice in fitting] if fitting else []
    help_ = list_choices(fit, "choices that fit") if fit else list_choices(choices)
    return Problem("unknown-choice", message, key, label=label, help=help_)
