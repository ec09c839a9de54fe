"""A section that may be one of several classes, as one key says: `kind`, `builder`, `step` or `name`.

The language knows this much of such a type and no more: the key, the names, and the class of each name. Where names
and classes come from is the schema's affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from dlkit.config.short_forms import ShortForm
from dlkit.config.tree import Node


class Choice(ABC):
    """Stands in `Annotated[Base, Choice]`: a mapping that is validated as the class that its key names.

    Attributes:
        tag: the key that names the class.
        base: the class that all of them derive from.
        short_form: what may be written instead of the mapping.
        default: the name of a mapping that has none; None where each must have one.
    """

    tag: str
    base: type[BaseModel]
    short_form: ShortForm | None = None
    default: str | None = None

    @abstractmethod
    def names(self) -> list[str]:
        """The names that there are."""

    @abstractmethod
    def __getitem__(self, name: str) -> type[BaseModel]:
        """The class of a name; KeyError for any other word."""

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def synonyms(self) -> Mapping[str, str]:
        """What people write elsewhere, comma-separated, by the name that they mean."""
        return {}

    def hint(self, name: str) -> str:
        """A label for a word that is none of the names and yet known; empty for any other."""
        return ""

    def classes(self) -> dict[str, type[BaseModel]]:
        """Every class by its name."""
        return {name: self[name] for name in self.names()}

    def chosen(self, node: Node | None) -> str | None:
        """The name in what is written, or that of the default; None where there is neither."""
        read = None if node is None else self.read(_shallow(node))
        name = read.get(self.tag, self.default) if isinstance(read, dict) else None
        return name if isinstance(name, str) and name in self else None

    def read(self, value: Any) -> Any:
        """A value with its short forms written out, as a mapping with the name under `tag`."""
        return value if self.short_form is None else self.short_form.read(value)

    def validate(self, value: Any) -> BaseModel:
        """The typed section.

        Raises:
            PydanticCustomError: `missing-tag` or `unknown-choice`, where no class is named.
            ValidationError: of that class; key paths within go on from the section's own.
        """
        if isinstance(value, self.base):
            return value
        value = self.read(value)
        if not isinstance(value, dict):
            raise PydanticKnownError("dict_type")
        name = value.get(self.tag, self.default)
        if self.tag not in value and name is None:
            raise PydanticCustomError("missing-tag", "{tag}", {"tag": self.tag})
        if not isinstance(name, str) or name not in self:
            details = {"tag": self.tag, "value": str(name), "choices": self.names()}
            more = {"synonyms": self.synonyms(), "hint": self.hint(str(name))}
            raise PydanticCustomError("unknown-choice", "{tag}", {**details, **more})
        return self[name].model_validate(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        members = self.classes()
        for member in members.values():
            member.model_rebuild()
        return {
            "anyOf": [handler(member.__pydantic_core_schema__) for member in members.values()],
            "discriminator": {
                "propertyName": self.tag,
                "mapping": {name: member.__name__ for name, member in members.items()},
            },
        }


def _shallow(node: Node) -> Any:
    """A node as plain data, in which mappings and lists below it are empty."""
    if not isinstance(node.value, dict):
        return [] if isinstance(node.value, list) else node.value
    empty: dict[Any, Any] = {dict: {}, list: []}
    return {key: empty.get(type(below.value), below.value) for key, below in node.value.items()}
