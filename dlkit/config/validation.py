"""Turns a tree into a typed configuration, or into located problems: every mistake once, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dlkit.config.annotations import is_step
from dlkit.config.errors_path import Path, follow, union_form
from dlkit.config.missing_keys import missing_key, missing_tag
from dlkit.config.problems import MAX_PROBLEMS, Problem
from dlkit.config.scalars import UnclearNumberError, read_scalar
from dlkit.config.short_forms import TAGS
from dlkit.config.steps import malformed_step
from dlkit.config.tree import Node, dotted, find, nearest, plain
from dlkit.config.unknown_keys import unknown_key
from dlkit.config.words import shown
from dlkit.config.wrong_values import bad_format, out_of_bounds, wrong_type
from dlkit.config.wrong_words import unknown_choice, wrong_word

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
    at_key = ("unknown-key", "malformed-step", "class-weight")
    names_key = problem.code in at_key or isinstance(node.value, dict | list | None)
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
            words = [other for other in labels if other.startswith("literal")]
            types = [other for other in labels if other not in words]
            value = details["input"] if node is None else node.value
            # Of a list and a word, or a number and a word, a text is the word; a number in quotes is not.
            labels = (words if _is_word(value) else types) or labels
            if label not in labels:
                continue
            if form is not union_form(label) and any(form is union_form(other) for other in labels):
                continue
        kept.append((details, path))
    return kept


def _is_word(value: object) -> bool:
    """Whether a value is text, and not a number in quotes."""
    try:
        return isinstance(value, str) and isinstance(read_scalar(value), str)
    except UnclearNumberError:
        return False


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
    if is_step(path.annotation) and (problem := malformed_step(path, node)):
        return problem
    if kind == "missing" and path.key[-1] in TAGS:
        step = path.step_key
        if step and (problem := malformed_step(replace(path, key=step), find(root, step))):
            return problem
    if kind in ("extra_forbidden", "unknown-key"):
        return unknown_key(path, context.get("choices"), context.get("name"), root, config_class)
    if kind == "missing":
        return missing_key(path, root)
    if kind == "missing-tag":
        return missing_tag(path, node)
    if kind == "unknown-choice":
        return unknown_choice(path, context, node, root, config_class)
    if kind == "literal_error":
        return wrong_word(path, value, node, root, config_class)
    if kind in _WRONG_TYPES:
        return wrong_type(path, value, text)
    if kind == "string_pattern_mismatch":
        written = node.written if node is not None and node.written else str(value)
        return bad_format(path, written, str(context["pattern"]))
    if problem := out_of_bounds(kind, context, path, value, text):
        return problem
    reason = str(details["msg"]).removeprefix("Value error, ")
    return Problem("invalid-value", f"`{dotted(path.key)}` is not valid: {reason}", path.key, label=f"got {text}")
