"""What is said about a word that is none of the choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from dlkit.config.annotations import is_step, literal_choices, members, noun_of_step
from dlkit.config.corrections import correction
from dlkit.config.errors_path import Path
from dlkit.config.phrases import with_article
from dlkit.config.problems import Problem
from dlkit.config.suggestions import meant_by, nearest_name
from dlkit.config.tree import Node, dotted, find, plain
from dlkit.config.words import at_the_end, list_choices, section_name, shown, type_in_words

# More choices than this are not listed where it is known which one was meant.
MANY = 50


def wrong_word(path: Path, value: Any, node: Node | None, root: Node, config_class: type[BaseModel]) -> Problem:
    """A value that is none of the words of a `Literal`; see `unknown_choice` for the arguments."""
    choices = literal_choices(at_the_end(path))
    synonyms = getattr(path.section, "words_also_called", {}).get(str(path.key[-1]), {})
    if isinstance(value, str):
        context = {"value": value, "choices": choices, "synonyms": synonyms}
        return unknown_choice(path, context, node, root, config_class)
    label, help_ = correction(value, choices)
    label = label or _only_item(value, choices)
    if not label and (meant := meant_by(str(value), synonyms)):
        label = f"did you mean `{meant[0]}`?"
    message = f"{shown(value, node)} is not a choice for `{dotted(path.key)}`"
    return Problem("unknown-choice", message, path.key, label=label, help=help_ or list_choices(choices))


def unknown_choice(
    path: Path, context: Mapping[str, Any], node: Node | None, root: Node, config_class: type[BaseModel]
) -> Problem:
    """A word that is none of the choices.

    Args:
        path: where it is, or the section that it names the class of.
        context: `value` and `choices`, and, where they are known, `tag`, the key of the word in the section,
            `synonyms` of the choices, and `hint`, a label for this word.
        node: what is at the path.
        root: the whole configuration.
        config_class: its class, which may know which of the choices fit there.
    """
    key, value, tag = path.key, str(context["value"]), context.get("tag")
    choices = list(context["choices"])
    if tag and node is not None and isinstance(node.value, dict):
        word = next(iter(node.value)) if is_step(path.annotation) and len(node.value) == 1 else tag
        key = (*key, word if word in node.value else tag)
    fitting = getattr(config_class, "fitting", lambda key, root: None)(path.key, plain(root))
    fit = [choice for choice in choices if choice in fitting] if fitting else []
    near = nearest_name(value, fit or choices, context.get("synonyms"))
    label = context.get("hint") or (f"did you mean `{near}`?" if near else "")
    said = find(root, key)
    written = said.written if said is not None else node.written if node is not None else None
    shown_value = written or value
    no_text = said is not None and said.written is None and not isinstance(said.value, str)
    if said is not None and no_text:
        label = _only_item(plain(said), choices) or label
    if noun := noun_of_step(path.annotation):
        message = f"`{shown_value}` is not {with_article(noun)} of {section_name(path.key[:-1])}"
    elif said is not None and no_text:
        message = f"{shown(plain(said), said)} is not a choice for `{dotted(key)}`"
    else:
        message = f"`{shown_value[:80]}` is not a choice for `{dotted(key)}`"
    help_ = list_choices(fit, "choices that fit") if fit else list_choices(choices)
    if label and len(fit or choices) > MANY:
        help_ = ""
    if len(members(at_the_end(path))) > 1:
        help_ = f"it must be {type_in_words(path)}"
    return Problem("unknown-choice", message, key, label=label, help=help_)


def _only_item(value: Any, choices: Sequence[str]) -> str:
    """What to write instead of a list of one of the words; empty for anything else."""
    right = isinstance(value, list) and len(value) == 1 and value[0] in choices
    return f"write {value[0]}, without brackets" if right else ""
