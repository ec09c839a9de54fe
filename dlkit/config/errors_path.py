"""From the path that pydantic gives an error to the key that the user wrote.

Pydantic's path holds, beside keys and indices, the tag of each tagged union (`cnn` in `model.cnn.blocks`) and a label
for each branch of a plain union. This walks the classes of the schema along the path and tells these apart.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dlkit.config.problems import Key
from dlkit.config.tree import Node, find, is_step


@dataclass
class Path:
    """Where an error is.

    Attributes:
        key: key path as the user wrote it.
        branches: for each plain union on the way, the key path at it, the label of the branch, and the union.
        section: the class of the innermost mapping on the way, if it has one.
        section_key: the key path of that mapping.
        siblings: the classes that the mapping could have been, by tag, where it is one of a tagged union.
        tag_key: the key of the mapping that tells them apart.
        annotation: the type at the end of the path; None where the schema knows nothing there.
    """

    key: Key = ()
    branches: list[tuple[Key, str, Any]] = field(default_factory=list)
    section: type[BaseModel] | None = None
    section_key: Key = ()
    siblings: dict[str, type[BaseModel]] = field(default_factory=dict)
    tag_key: str = ""
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


def discriminator(annotation: Any) -> str | None:
    """The key that tells the members of a tagged union apart."""
    bare, metadata = _bare(annotation)
    for entry in metadata:
        if isinstance(entry, FieldInfo) and isinstance(entry.discriminator, str):
            return entry.discriminator
    inner = members(bare)
    return discriminator(inner[0]) if len(inner) == 1 and get_origin(inner[0]) is Annotated else None


def tagged(annotation: Any) -> dict[str, type[BaseModel]]:
    """The classes of a tagged union by their tag; empty for anything else."""
    name = discriminator(annotation)
    if name is None:
        return {}
    found = {}
    inner = members(annotation)
    while len(inner) == 1:
        inner = members(inner[0])
    for member in inner:
        for tag in get_args(member.model_fields[name].annotation):
            found[tag] = member
    return found


def as_section(annotation: Any) -> type[BaseModel] | None:
    """The class of a mapping, where the type is one (or null)."""
    inner = members(annotation)
    if len(inner) != 1:
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


def with_discriminator(info: FieldInfo) -> Any:
    """A field's type, with its discriminator kept."""
    return Annotated[info.annotation, info] if info.discriminator else info.annotation


def _enter(path: Path, part: str | int, root: Node) -> None:
    annotation = path.annotation
    if annotation is None:
        path.key = (*path.key, part)
        return
    tags = tagged(annotation)
    if tags:
        if part in tags:
            _enter_section(path, tags[str(part)], root)
            path.siblings, path.tag_key = tags, discriminator(annotation) or ""
        return
    inner = members(annotation)
    if len(inner) > 1:
        path.branches.append((path.key, str(part), annotation))
        is_list = str(part).startswith("list")
        path.annotation = next((m for m in inner if (get_origin(_bare(m)[0]) is list) == is_list), None)
        return
    bare, _ = _bare(inner[0])
    section = as_section(bare)
    if section is not None:
        if path.section is not section:
            _enter_section(path, section, root)
        info = section.model_fields.get(str(part))
        path.key = (*path.key, part)
        path.annotation = with_discriminator(info) if info else None
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


def _enter_section(path: Path, section: type[BaseModel], root: Node) -> None:
    """Step into a mapping; where it is a step written `{name: {settings}}`, the name is a key."""
    if is_step(path.key):
        node = find(root, path.key)
        if node is not None and isinstance(node.value, dict) and len(node.value) == 1:
            (name,) = node.value
            if name not in ("step", "name"):
                path.key = (*path.key, name)
    path.section, path.section_key, path.annotation = section, path.key, section
    path.siblings, path.tag_key = {}, ""


def literal_choices(annotation: Any) -> list[str]:
    """The words of a `Literal`, through null and `Annotated`; empty for anything else."""
    found: list[str] = []
    for member in members(annotation):
        bare, _ = _bare(member)
        if get_origin(bare) is Literal:
            found += [str(choice) for choice in get_args(bare)]
    return found
