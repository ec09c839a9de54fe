"""From the path that pydantic gives an error to the key that the user wrote.

Pydantic's path holds, beside keys and indices, a label for each branch of a plain union. This walks the classes of the
schema along the path, and knows which is which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from dlkit.config.annotations import as_section, bare, choice_in, container, field_type, members, noun_of_step
from dlkit.config.choices import Choice
from dlkit.config.problems import Key
from dlkit.config.short_forms import TAGS
from dlkit.config.tree import Node, find


@dataclass
class Path:
    """Where an error is.

    Attributes:
        key: key path as the user wrote it.
        branches: for each plain union on the way, the key path at it, the label of the branch, and the union.
        section: the class of the innermost mapping on the way, if it has one.
        section_key: the key path of that mapping.
        step_key: the key path of the innermost step on the way; None where there is none.
        noun: what messages call it.
        choice: what the mapping could have been, where its class is chosen by name.
        annotation: the type at the end of the path; None where the schema knows nothing there.
    """

    key: Key = ()
    branches: list[tuple[Key, str, Any]] = field(default_factory=list)
    section: type[BaseModel] | None = None
    section_key: Key = ()
    step_key: Key | None = None
    noun: str = "step"
    choice: Choice | None = None
    annotation: Any = None


def follow(loc: Sequence[str | int], config: type[BaseModel], root: Node) -> Path:
    """The key path and the schema at pydantic's path `loc` in a configuration of class `config` read from `root`."""
    path = Path(annotation=config, section=config)
    for part in loc:
        _enter(path, part, root)
    return path


def union_form(label: str) -> type | None:
    """Whether the branch of a union that pydantic calls so is a list or a dict; None for anything else."""
    return list if label.startswith("list") else dict if label.startswith("dict") else None


def _enter(path: Path, part: str | int, root: Node) -> None:
    annotation = path.annotation
    if annotation is None:
        path.key = (*path.key, part)
        return
    choice = choice_in(annotation)
    if choice is not None:
        node = find(root, path.key)
        name = choice.chosen(node)
        annotation = None if name is None else choice[name]
        if annotation is None:
            path.key, path.annotation = (*path.key, part), None
            return
        _enter_section(path, annotation, root)
        path.choice = choice
    inner = members(annotation)
    if len(inner) > 1:
        path.branches.append((path.key, str(part), annotation))
        form = union_form(str(part))
        path.annotation = next((m for m in inner if form is container(m)), None)
        return
    type_, _ = bare(inner[0])
    section = as_section(type_)
    if section is not None:
        if path.section is not section:
            _enter_section(path, section, root)
        info = section.model_fields.get(str(part))
        path.key = (*path.key, part)
        path.annotation = field_type(info) if info else None
    elif get_origin(type_) is list:
        path.key = (*path.key, part)
        path.annotation = get_args(type_)[0]
    elif get_origin(type_) is dict:
        if part != "[key]":
            path.key = (*path.key, part)
            path.annotation = get_args(type_)[1]
    else:
        path.key = (*path.key, part)
        path.annotation = None


def _enter_section(path: Path, section: type[BaseModel], root: Node) -> None:
    """Step into a mapping; where it is a step written `{name: {settings}}`, the name is a key."""
    if noun := noun_of_step(path.annotation):
        path.step_key, path.noun = path.key, noun
        node = find(root, path.key)
        if node is not None and isinstance(node.value, dict) and len(node.value) == 1:
            (name,) = node.value
            if name not in TAGS:
                path.key = (*path.key, name)
    path.section, path.section_key, path.annotation = section, path.key, section
    path.choice = None
