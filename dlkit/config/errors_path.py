"""From the path that pydantic gives an error to the key that the user wrote.

Pydantic's path holds, beside keys and indices, a label for each branch of a plain union. This walks the classes of the
schema along the path, and knows which is which.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dlkit.config.choices import Choice
from dlkit.config.problems import Key
from dlkit.config.tree import Node, find, is_step, plain


@dataclass
class Path:
    """Where an error is.

    Attributes:
        key: key path as the user wrote it.
        branches: for each plain union on the way, the key path at it, the label of the branch, and the union.
        section: the class of the innermost mapping on the way, if it has one.
        section_key: the key path of that mapping.
        choice: what the mapping could have been, where its class is chosen by name.
        annotation: the type at the end of the path; None where the schema knows nothing there.
    """

    key: Key = ()
    branches: list[tuple[Key, str, Any]] = field(default_factory=list)
    section: type[BaseModel] | None = None
    section_key: Key = ()
    choice: Choice | None = None
    annotation: Any = None


def follow(loc: Sequence[str | int], config: type[BaseModel], root: Node) -> Path:
    """The key path and the schema at pydantic's path `loc` in a configuration of class `config` read from `root`."""
    path = Path(annotation=config, section=config)
    for part in loc:
        _enter(path, part, root)
    return path


def members(annotation: Any) -> list[Any]:
    """The members of a union, without None; a list of one for anything else."""
    bare, _ = _bare(annotation)
    if get_origin(bare) in (Union, types.UnionType):
        return [member for member in get_args(bare) if member is not type(None)]
    return [bare]


def choice_in(annotation: Any) -> Choice | None:
    """What a section is chosen from, where its class is chosen by name; through null and `Annotated`."""
    bare, metadata = _bare(annotation)
    for entry in metadata:
        if isinstance(entry, Choice):
            return entry
    inner = members(bare)
    return choice_in(inner[0]) if len(inner) == 1 and inner[0] is not bare else None


def as_section(annotation: Any) -> type[BaseModel] | None:
    """The class of a mapping, where the type is one (or null) and always that."""
    inner = members(annotation)
    if len(inner) != 1 or choice_in(annotation) is not None:
        return None
    bare, _ = _bare(inner[0])
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _bare(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without its `Annotated`, and the annotations."""
    metadata: list[Any] = []
    while get_origin(annotation) is Annotated:
        metadata += annotation.__metadata__
        annotation = get_args(annotation)[0]
    return annotation, metadata


def field_type(info: FieldInfo) -> Any:
    """A field's type, with what pydantic keeps beside it."""
    annotation: Any = info.annotation
    for entry in info.metadata:
        annotation = Annotated[annotation, entry]
    return annotation


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
        name = None if node is None else choice.chosen(plain(node))
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
        path.annotation = next((m for m in inner if form is _container(m)), None)
        return
    bare, _ = _bare(inner[0])
    section = as_section(bare)
    if section is not None:
        if path.section is not section:
            _enter_section(path, section, root)
        info = section.model_fields.get(str(part))
        path.key = (*path.key, part)
        path.annotation = field_type(info) if info else None
    elif get_origin(bare) is list:
        path.key = (*path.key, part)
        path.annotation = get_args(bare)[0]
    elif get_origin(bare) is dict:
        if part != "[key]":
            path.key = (*path.key, part)
            path.annotation = get_args(bare)[1]
    else:
        path.key = (*path.key, part)
        path.annotation = None


def _container(annotation: Any) -> type | None:
    origin = get_origin(_bare(annotation)[0])
    return origin if origin in (list, dict) else None


def _enter_section(path: Path, section: type[BaseModel], root: Node) -> None:
    """Step into a mapping; where it is a step written `{name: {settings}}`, the name is a key."""
    if is_step(path.key):
        node = find(root, path.key)
        if node is not None and isinstance(node.value, dict) and len(node.value) == 1:
            (name,) = node.value
            if name not in ("step", "name"):
                path.key = (*path.key, name)
    path.section, path.section_key, path.annotation = section, path.key, section
    path.choice = None


def literal_choices(annotation: Any) -> list[str]:
    """The words of a `Literal`, through null and `Annotated`; empty for anything else."""
    found: list[str] = []
    for member in members(annotation):
        bare, _ = _bare(member)
        if get_origin(bare) is Literal:
            found += [str(choice) for choice in get_args(bare)]
    return found
