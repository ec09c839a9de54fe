"""What the schema says of a place in the tree, before anything is typed: how it may be written, and what is below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dlkit.config.annotations import bare, choice_in, field_type, is_step, members, names_by, short_form_in
from dlkit.config.tree import Node


@dataclass(frozen=True)
class Shape:
    """The type of a place, None where the schema knows nothing of it.

    Attributes:
        annotation: the type, as the schema has it.
        field: what the schema says of it beside its type.
    """

    annotation: Any = None
    field: FieldInfo | None = None

    @property
    def names_by(self) -> str | None:
        """The key by which the mapping says which of several things it is."""
        return None if self.annotation is None else names_by(self.annotation)

    @property
    def default_name(self) -> str | None:
        """What holds under that key when nothing is written."""
        if self.names_by is None or self.field is None or self.field.is_required():
            return None
        name = getattr(self.field.get_default(call_default_factory=True, validated_data={}), self.names_by, None)
        return name if isinstance(name, str) else None

    @property
    def is_step(self) -> bool:
        """Whether a step stands there, written as its name or `{name: {settings}}`."""
        return self.annotation is not None and is_step(self.annotation)

    def expand(self, node: Node) -> Node:
        """A value written short as the mapping that it stands for; anything else unchanged."""
        short_form = None if self.annotation is None else short_form_in(self.annotation)
        return node if short_form is None else short_form.expand(node)

    def below(self, part: str | int, node: Node | None) -> Shape:
        """The shape under one key or index.

        Args:
            part: the key or index.
            node: what is written here, which may say by a name which keys there are.
        """
        if self.annotation is None:
            return Shape()
        if choice_in(self.annotation) is not None or isinstance(self.annotation, type):
            return self._of_section(self.annotation, part, node)
        for member in members(self.annotation):
            inner, _ = bare(member)
            if get_origin(inner) is list and isinstance(part, int):
                return Shape(get_args(inner)[0])
            if get_origin(inner) is dict and isinstance(part, str):
                return Shape(get_args(inner)[1])
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                return self._of_section(member, part, node)
        return Shape()

    def _of_section(self, annotation: Any, part: str | int, node: Node | None) -> Shape:
        choice = choice_in(self.annotation)
        if choice is not None:
            name = choice.chosen(node)
            if self.is_step and part == name and node is not None and isinstance(node.value, dict):
                return Shape(choice[name])  # below the name of `{name: {settings}}`
        section = self._class_of(annotation, node)
        info = section.model_fields.get(part) if issubclass(section, BaseModel) else None
        if info is None:
            return Shape()
        return Shape(field_type(info), info)

    def _class_of(self, annotation: Any, node: Node | None) -> Any:
        """The class of a section as it is written."""
        choice = choice_in(self.annotation)
        if choice is None:
            return bare(annotation)[0]
        name = choice.chosen(node) or self.default_name
        return choice.base if name is None else choice[name]  # what all of them have is known without a name

    def set_by(self, values: dict[str, Any], node: Node | None) -> Mapping[str, str]:
        """Of the settings of a section those that another one sets, where they are not stated, and which one does.

        Args:
            values: of all settings.
            node: what is written here.
        """
        section = self._class_of(self.annotation, node)
        found: Mapping[str, str] = getattr(section, "set_by", lambda values: {})(values)
        return found
