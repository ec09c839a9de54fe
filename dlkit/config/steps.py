"""What is said about a step of `preprocess` or `augment` that does not have the form of one."""

from __future__ import annotations

from dlkit.config.annotations import noun_of_step, step_form
from dlkit.config.errors_path import Path
from dlkit.config.phrases import with_article
from dlkit.config.problems import Problem
from dlkit.config.short_forms import TAGS
from dlkit.config.tree import Node, plain
from dlkit.config.words import section_name, shown


def malformed_step(path: Path, node: Node | None) -> Problem | None:
    """The problem of a step that is neither a name nor `{name: {settings}}`; None where the form is right."""
    if node is None or isinstance(node.value, str):
        return None
    where, noun = section_name(path.key), noun_of_step(path.annotation) or path.noun
    one = with_article(noun)
    form = f"{one} is its name, or `name: {{setting: value}}`"
    if not isinstance(node.value, dict):
        return Problem("malformed-step", f"{where} must be {one}, got {shown(plain(node), node)}", path.key, label=form)
    if any(tag in node.value for tag in TAGS):
        return None
    if len(node.value) == 1:
        ((name, settings),) = node.value.items()
        form_of_step = step_form(path.annotation)
        if isinstance(settings.value, dict | None) or (form_of_step is not None and form_of_step.word(name)):
            return None
        return Problem(
            "malformed-step",
            f"the settings of `{name}` must be a mapping, got {shown(plain(settings), settings)}",
            (*path.key, name),
            label=f"expected `{name}: {{setting: value}}`",
        )
    first = next(iter(node.value), None)
    if first is None:
        return Problem("malformed-step", f"{where} is empty", path.key, label=form)
    help = f"indent the settings of `{first}` two spaces further"
    help += f", or start each {noun} with `- `" if isinstance(path.key[-1], int) else ""
    return Problem("malformed-step", f"{where} has more than one key", (*path.key, first), label=form, help=help)
