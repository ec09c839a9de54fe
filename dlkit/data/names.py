"""What is said about a name that is not there: the nearest ones, and what there is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 12


def did_you_mean(name: str, choices: Iterable[str], there_is: str = "there is") -> str:
    """A hint such as "did you mean `train`? it has `train`, `test`"."""
    known = sorted(choices)
    nearest = get_close_matches(name, known, n=3, cutoff=0.6)
    folded = [choice for choice in known if choice.lower() == name.lower() and choice not in nearest]
    near = " or ".join(f"`{choice}`" for choice in [*folded, *nearest][:3])
    listed = ", ".join(f"`{choice}`" for choice in known[:_LISTED])
    if len(known) > _LISTED:
        listed = "" if near else f"{listed} and {len(known) - _LISTED} more"
    parts = [f"did you mean {near}?" if near else "", f"{there_is} {listed or 'nothing'}" if listed or not near else ""]
    return " ".join(part for part in parts if part)
