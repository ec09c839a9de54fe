"""Where a setting belongs that is written in the wrong section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from dlkit.config.annotations import as_section, bare, choice_in, field_type
from dlkit.config.problems import Key
from dlkit.config.suggestions import meant_by, names_meant_by
from dlkit.config.tree import Node, find


def home_of(word: str, config_class: type[BaseModel], root: Node) -> tuple[Key, str] | None:
    """The section that has a setting of this name, or of the name that it is a synonym for; and that name.

    The sections at the top go before those in them, and a name before what it is called elsewhere.

    Args:
        word: as written.
        config_class: of the whole configuration.
        root: the configuration as it is written, which says by name what inputs and targets there are.
    """
    sections = list(_sections(config_class, root))
    for key, names, _, whole in sections:
        if whole and word in names:
            return key, word
    for key, _, synonyms, _ in sections:
        if meant := meant_by(word, synonyms):
            return key, meant[0]
    generic = names_meant_by(word)
    for key, names, _, whole in sections:
        if whole and (meant := [name for name in generic if name in names]):
            return key, meant[0]
    return None


def _sections(config_class: type[BaseModel], root: Node) -> Iterator[tuple[Key, list[str], Mapping[str, str], bool]]:
    """Key path, names of the settings, their synonyms, and whether a name of theirs alone says that it is meant."""
    yield (), [name for name in config_class.model_fields if name != "name"], _synonyms(config_class), True
    tops = {name: as_section(field_type(info)) for name, info in config_class.model_fields.items()}
    for top, section in tops.items():
        if section is not None:
            yield (top,), list(section.model_fields), _synonyms(section), True
    for top, section in tops.items():
        for name, info in section.model_fields.items() if section is not None else ():
            yield from _inside((top, name), field_type(info), root)


def _inside(key: Key, annotation: Any, root: Node) -> Iterator[tuple[Key, list[str], Mapping[str, str], bool]]:
    """The sections in a section: `training.optimizer`, `data.splits`, and each of `data.inputs`."""
    choice, section = choice_in(annotation), as_section(annotation)
    node = find(root, key)
    if get_origin(bare(annotation)[0]) is dict:
        for name in node.value if node is not None and isinstance(node.value, dict) else ():
            yield from _inside((*key, name), get_args(bare(annotation)[0])[1], root)
    elif choice is not None:
        chosen = choice.chosen(node)
        members = list(choice.classes().values()) if chosen is None else [choice[chosen]]
        names = dict.fromkeys(field for member in members for field in member.model_fields if field != choice.tag)
        every = {field: words for member in members for field, words in _synonyms(member).items()}
        # `name` and `path` of a source are no words of its own.
        yield key, list(names), every, choice.short_form is not None or len(key) > 2
    elif section is not None:
        # A split called `train` is not what somebody means who writes `train:` elsewhere.
        yield key, list(section.model_fields), _synonyms(section), key[0] == "training"


def _synonyms(section: type[BaseModel]) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(section, "fields_also_called", {})
    return found
