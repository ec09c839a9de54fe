"""Every kind of problem by its stable code: what it means, and an example of how it is corrected.

The texts stand in `messages/`, one file for each part of dlkit. What reports a new kind of problem adds an entry there.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Code(NamedTuple):
    """One kind of problem.

    Attributes:
        title: what it is, in a few words.
        explanation: why it is a problem and what to do.
        before: an example that has the problem.
        after: the same example corrected.
    """

    title: str
    explanation: str
    before: str
    after: str


@cache
def table() -> dict[str, Code]:
    """Every code with its entry, in the order of the alphabet."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: dict[str, Code] = {}
    for file in files("dlkit.config").joinpath("messages").iterdir():
        if file.name.endswith(".yaml"):
            texts = yaml.load(file.read_text(encoding="utf-8"), loader)
            entries |= {code: Code(**entry) for code, entry in texts.items()}
    return dict(sorted(entries.items()))


def explain(code: str) -> str:
    """The entry of a code as text.

    Raises:
        KeyError: if there is no such code. Its message names the nearest one.
    """
    codes = table()
    if code not in codes:
        from dlkit.config.suggestions import nearest_name

        near = nearest_name(code, codes)
        raise KeyError(f"there is no code `{code}`" + (f"; did you mean `{near}`?" if near else ""))
    entry = codes[code]
    indent = "\n    "
    return (
        f"{code}: {entry.title}\n\n{entry.explanation}\n\n"
        f"Instead of\n{indent}{entry.before.replace(chr(10), indent)}\n\n"
        f"write\n{indent}{entry.after.replace(chr(10), indent)}\n"
    )
