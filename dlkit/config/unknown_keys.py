"""What is said about a setting that does not exist: the one that was meant, or the section where it belongs."""

from __future__ import annotations

from pydantic import BaseModel

from dlkit.config.annotations import as_section, choice_in, field_type
from dlkit.config.errors_path import Path
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Key, Problem
from dlkit.config.suggestions import names_meant_by, nearest_name
from dlkit.config.tree import Node, dotted, find
from dlkit.config.words import describe, list_choices, section_name


def unknown_key(
    path: Path, choices: list[str] | None, owner: str | None, root: Node, config_class: type[BaseModel]
) -> Problem:
    """The problem of a key at the end of `path`.

    Args:
        path: where the key is.
        choices: the settings that there are, where the schema does not say.
        owner: the object that has these settings, as in `random_flip`.
        root: the whole configuration.
        config_class: its class.
    """
    key, word = path.key, str(path.key[-1])
    section = section_name(path.section_key)
    names = choices or list(path.section.model_fields if path.section else ())
    names.sort(key=lambda name: name not in ("name", "kind", "builder"))
    written = find(root, path.section_key)
    free = [n for n in names if written is None or not isinstance(written.value, dict) or n not in written.value]
    message = f"`{word}` is not a setting of {f'{owner} in {section}' if owner else section}"
    if ":" in word:
        return Problem("unknown-key", message, key, label="a space is missing after the colon")
    siblings = path.choice.classes() if path.choice is not None else {}
    others = sorted(name for name, member in siblings.items() if word in member.model_fields)
    if others:
        return Problem(
            "unknown-key",
            message,
            key,
            label=f"it is a setting of {' and '.join(f'`{o}`' for o in others)}",
            help=_left_over(path, root) or list_choices(names, "settings"),
        )
    left_over = _left_over(path, root)
    home = _home_of(word, config_class)
    if home is not None and home[0] == path.section_key:
        home = None
    required = {n for n, f in path.section.model_fields.items() if f.is_required()} if path.section else set()
    free.sort(key=lambda name: name not in required)
    synonyms = getattr(path.section, "fields_also_called", {})
    near = nearest_name(word, free, synonyms)
    near = near or (nearest_name(word, names, synonyms) if len(free) < len(names) else None)
    same = near is not None and near.replace("_", "") == word.lower().replace("_", "")
    if near and (home is None or same or near == home[1]):
        return Problem("unknown-key", message, key, label=f"did you mean `{near}`?", help=left_over)
    if home is not None:
        section_key, name = home
        called = "it belongs" if name == word else f"`{name}` belongs"
        where = f"`{dotted(section_key)}`" if section_key else "the top level"
        return Problem("unknown-key", message, key, label=f"{called} in {where}", help=left_over)
    if word in ("from_logits", "data_format", "value_range"):
        return Problem("unknown-key", message, key, label="dlkit sets this itself", help="remove it")
    return Problem("unknown-key", message, key, help=left_over or list_choices(names, "settings"))


def _left_over(path: Path, root: Node) -> str:
    """What to do where another line than the setting's own changed what the section is."""
    node, section = find(root, path.key), find(root, path.section_key)
    if node is None or section is None or not isinstance(section.value, dict):
        return ""
    tag = path.choice.tag if path.choice is not None else None
    if tag is None or tag not in section.value:
        return ""
    chosen = section.value[tag]
    said, at = chosen.location, node.location
    if said.source == at.source or said.source not in (COMMAND_LINE, IN_PYTHON):
        return ""
    name = dotted(path.section_key)
    return (
        f"`{name}.{tag}={chosen.value}` left over what {describe(node.key or at)} says for another; "
        f"set the whole instead: `{name}={{{tag}: {chosen.value}, ...}}`"
    )


def _home_of(word: str, config_class: type[BaseModel]) -> tuple[Key, str] | None:
    """The section that has a setting of this name, or of the name that it is a synonym for; and that name."""
    homes: dict[str, Key] = {}
    training = as_section(config_class.model_fields["training"].annotation)
    assert training is not None
    for name, info in training.model_fields.items():
        annotation = field_type(info)
        stopping, choice = as_section(annotation), choice_in(annotation)
        sections = [stopping] if stopping else choice.classes().values() if choice and name == "optimizer" else []
        homes |= {
            field: ("training", name) for section in sections for field in section.model_fields if field != "name"
        }
    for name, info in config_class.model_fields.items():
        section = as_section(info.annotation)
        homes |= dict.fromkeys(section.model_fields if section else (), (name,))
    homes |= {name: () for name in config_class.model_fields if name != "name"}
    meant = [word] if word in homes else [name for name in names_meant_by(word) if name in homes]
    return (homes[meant[0]], meant[0]) if meant else None
