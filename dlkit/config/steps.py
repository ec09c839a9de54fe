"""What is said about a step of `preprocess` or `augment` that does not have the form of one."""

from __future__ import annotations

from dlkit.config.errors_path import Path
from dlkit.config.problems import Problem
from dlkit.config.tree import Node, plain
from dlkit.config.words import section_name, shown


def malformed_step(path: Path, node: Node | None) -> Problem | None:
    """The problem of a step that is neither a name nor `{name: {settings}}`; None where the form is right."""
    if node is None or isinstance(node.value, str):
        return None
    where = section_name(path.key)
    form = "a step is its name, or `name: {setting: value}`"
    if not isinstance(node.value, dict):
        return Problem(
            "malformed-step", f"{where} must be a step, got {shown(plain(node), node)}", path.key, label=form
        )
    if "step" in node.value or "name" in node.value:
        return None
    if len(node.value) == 1:
        ((name, settings),) = node.value.items()
        if isinstance(settings.value, dict | None):
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
    return Problem(
        "malformed-step",
        f"{where} has more than one key",
        (*path.key, first),
        label=form,
        help=f"indent the settings of `{first}` two spaces further, or start each step with `- `",
    )
