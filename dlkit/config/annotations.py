"""What a type of the schema says: its sections, choices, short forms and words."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dlkit.config.choices import Choice
from dlkit.config.short_forms import ShortForm, SingleKey


def bare(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without its `Annotated`, and what stood in it."""
    metadata: list[Any] = []
    while get_origin(annotation) is Annotated:
        metadata += annotation.__metadata__
        annotation = get_args(annotation)[0]
    return annotation, metadata


def members(annotation: Any) -> list[Any]:
    """The members of a union, without None; a list of one for anything else."""
    inner, _ = bare(annotation)
    if get_origin(inner) in (Union, types.UnionType):
        return [member for member in get_args(inner) if member is not type(None)]
    return [inner]


def _marked(annotation: Any, mark: type[Any]) -> Any:
    """What stands in `Annotated` of that class, through null."""
    inner, metadata = bare(annotation)
    for entry in metadata:
        if isinstance(entry, mark):
            return entry
    below = members(inner)
    return _marked(below[0], mark) if len(below) == 1 and below[0] is not inner else None


def choice_in(annotation: Any) -> Choice | None:
    """What a section is chosen from, where its class is chosen by name."""
    found: Choice | None = _marked(annotation, Choice)
    return found


def short_form_in(annotation: Any) -> ShortForm | None:
    """What may be written instead of the whole mapping."""
    choice = choice_in(annotation)
    found: ShortForm | None = choice.short_form if choice is not None else _marked(annotation, ShortForm)
    return found


def is_step(annotation: Any) -> bool:
    """Whether a type is that of a step, written as its name or `{name: {settings}}`."""
    return noun_of_step(annotation) != ""


def noun_of_step(annotation: Any) -> str:
    """What messages call such a step; empty for any other type."""
    form = step_form(annotation)
    return "" if form is None else form.noun


def step_form(annotation: Any) -> SingleKey | None:
    """How such a step is written; None for any other type."""
    short_form = short_form_in(annotation)
    return short_form if isinstance(short_form, SingleKey) else None


def names_by(annotation: Any) -> str | None:
    """The key by which a mapping says which of several things it is."""
    choice, short_form = choice_in(annotation), short_form_in(annotation)
    if choice is not None:
        return None if is_step(annotation) else choice.tag
    return short_form.names_by if short_form is not None else None


def as_section(annotation: Any) -> type[BaseModel] | None:
    """The class of a mapping, where the type is one (or null) and always that."""
    inner = members(annotation)
    if len(inner) != 1 or choice_in(annotation) is not None:
        return None
    cls, _ = bare(inner[0])
    return cls if isinstance(cls, type) and issubclass(cls, BaseModel) else None


def field_type(info: FieldInfo) -> Any:
    """A field's type, with what pydantic keeps beside it."""
    annotation: Any = info.annotation
    for entry in info.metadata:
        annotation = Annotated[annotation, entry]
    return annotation


def container(annotation: Any) -> type | None:
    """`list` or `dict`, where the type is one; None for anything else."""
    origin = get_origin(bare(annotation)[0])
    return origin if origin in (list, dict) else None


def literal_choices(annotation: Any) -> list[str]:
    """The words of a `Literal`, through null and `Annotated`; empty for anything else."""
    found: list[str] = []
    for member in members(annotation):
        inner, _ = bare(member)
        if get_origin(inner) is Literal:
            found += [str(choice) for choice in get_args(inner)]
    return found
