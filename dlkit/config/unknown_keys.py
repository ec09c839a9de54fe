"""What is said about a setting that does not exist: the one that was meant, or the section where it belongs."""

from __future__ import annotations

from pydantic import BaseModel

from dlkit.config.errors_path import Path
from dlkit.config.homes import home_of
from dlkit.config.phrases import listed
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, Key, Problem
from dlkit.config.suggestions import meant_by, nearest_name
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
    message = f"`{word}` is not a setting of {f'{owner} in {section}' if owner else section}"
    if ":" in word:
        return Problem("unknown-key", message, key, label="a space is missing after the colon")
    siblings = path.choice.classes() if path.choice is not None else {}
    others = sorted(name for name, member in siblings.items() if word in member.model_fields)
    synonyms = getattr(path.section, "fields_also_called", {})
    if others and not any(name in names for name in meant_by(word, synonyms)):
        return Problem(
            "unknown-key",
            message,
            key,
            label=f"it is a setting of {listed([f'`{o}`' for o in others])}",
            help=_left_over(path, root) or list_choices(names, "settings"),
        )
    left_over = _left_over(path, root)
    home = _other_home(word, path, root, config_class)
    near = _nearest(word, names, path, root)
    same = near is not None and (_plain(near) == _plain(word) or near in meant_by(word, synonyms))
    if near and (home is None or same or near == home[1] or len(home[0]) > 2):
        return Problem("unknown-key", message, key, label=f"did you mean `{near}`?", help=left_over)
    if home is not None:
        section_key, name = home
        called = "it belongs" if name == word else f"`{name}` belongs"
        where = f"`{dotted(section_key)}`" if section_key else "the top level"
        return Problem("unknown-key", message, key, label=f"{called} in {where}", help=left_over)
    if word in ("from_logits", "data_format", "value_range"):
        return Problem("unknown-key", message, key, label="dlkit sets this itself", help="remove it")
    return Problem("unknown-key", message, key, help=left_over or list_choices(names, "settings"))


def _nearest(word: str, names: list[str], path: Path, root: Node) -> str | None:
    """The setting of the same section that was meant: one that is not given yet, a required one first."""
    written, synonyms = find(root, path.section_key), getattr(path.section, "fields_also_called", {})
    given = written.value if written is not None and isinstance(written.value, dict) else {}
    required = {n for n, f in path.section.model_fields.items() if f.is_required()} if path.section else set()
    free = sorted((name for name in names if name not in given), key=lambda name: name not in required)
    return nearest_name(word, free, synonyms) or nearest_name(word, names, synonyms)


def _other_home(word: str, path: Path, root: Node, config_class: type[BaseModel]) -> tuple[Key, str] | None:
    """The other section that the word belongs in; None for the section itself, and those that it stands in."""
    home = home_of(word, config_class, root)
    if home is None or home[0] == path.section_key or (*home[0], home[1]) == path.section_key[: len(home[0]) + 1]:
        return None
    return home


def _plain(word: str) -> str:
    return word.lower().replace("_", "")


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
