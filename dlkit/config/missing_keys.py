"""What is said about a setting that is not given and has to be."""

from __future__ import annotations

from collections.abc import Collection

from dlkit.config.annotations import choice_in
from dlkit.config.errors_path import Path
from dlkit.config.problems import Problem
from dlkit.config.suggestions import nearest_name
from dlkit.config.tree import Node, find, plain
from dlkit.config.words import list_choices, section_name
from dlkit.config.yaml_lines import flow


def missing_key(path: Path, root: Node) -> Problem:
    """A required setting that is not given, or is misspelt."""
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
        label=_as_one_mapping(name, written, section.model_fields if section else ()) or f"needs `{name}`",
        help=description,
    )


def missing_tag(path: Path, node: Node | None) -> Problem:
    """A section that does not say which of several things it is."""
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
        label=_as_one_mapping(tag, node, known) or f"needs `{tag}`",
        help=list_choices(choices, tag),
    )


def _as_one_mapping(tag: str, node: Node | None, known: Collection[str]) -> str:
    """How `{adam: {learning_rate: 0.1}}` is written here, where that is what was written."""
    written = plain(node) if node is not None else None
    if not isinstance(written, dict) or len(written) != 1:
        return ""
    ((word, settings),) = written.items()
    if word in known or not isinstance(settings, dict) or tag in settings:
        return ""
    return f"write `{flow({tag: word, **settings})}`"
