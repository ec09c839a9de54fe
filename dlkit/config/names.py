"""What is said about a name that is not there: the nearest one, and what there is."""

from __future__ import annotations

from collections.abc import Iterable

from dlkit.config.suggestions import nearest_name

_LISTED = 12


def did_you_mean(name: str, choices: Iterable[str], there_is: str = "there is") -> str:
    """A hint such as "did you mean `train`? it has `test`, `train`"; of many choices only the nearest is named."""
    known = sorted(choices)
    near = nearest_name(name, known)
    hint = f"did you mean `{near}`? " if near else ""
    if len(known) <= _LISTED:
        return hint + f"{there_is} " + (", ".join(f"`{choice}`" for choice in known) or "nothing")
    listed = ", ".join(f"`{choice}`" for choice in known[:_LISTED])
    return hint.rstrip() or f"{there_is} {listed} and {len(known) - _LISTED} more"
