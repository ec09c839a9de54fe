"""Numbers with their nouns, and texts that are cut: for messages of every layer, without any import."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: float, noun: str) -> str:
    """A number with its noun: `1 example`, `60,000 examples`, `2 classes`, `3 axes`."""
    plural = {"axis": "axes"}.get(noun) or noun + ("es" if noun.endswith(("s", "tch")) else "s")
    return f"{number:{'g' if isinstance(number, float) else ','}} {noun if number == 1 else plural}"


def cut(text: str, width: int = 60) -> str:
    """A text shortened to a width."""
    return text if len(text) <= width else text[: width - 3] + "..."


def listed(words: Sequence[str]) -> str:
    """Words as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def with_article(noun: str) -> str:
    """`a step`, `an initializer`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
