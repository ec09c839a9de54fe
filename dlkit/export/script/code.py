"""Python expressions, and statements of them as a formatter would lay them out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Characters in a line of a script.
WIDTH = 120


@dataclass(frozen=True)
class Call:
    """A call, or a list, tuple or dictionary where `function` is empty.

    Attributes:
        function: what is called.
        arguments: without names.
        keywords: arguments with names; of a dictionary, its values by their keys.
        brackets: those around the arguments.
    """

    function: Code
    arguments: Sequence[Code] = ()
    keywords: Mapping[str, Code] = field(default_factory=dict)
    brackets: str = "()"

    @property
    def items(self) -> list[tuple[str, Code]]:
        """The arguments, each with what stands before it."""
        named = [
            (f"{flat(literal(name))}: " if self.brackets == "{}" else f"{name}=", code)
            for name, code in self.keywords.items()
        ]
        return [*(("", code) for code in self.arguments), *named]


Code = str | Call


def flat(code: Code) -> str:
    """An expression in one line."""
    if isinstance(code, str):
        return code
    items = ", ".join(before + flat(item) for before, item in code.items)
    # A tuple of one has a comma.
    comma = "," if code.brackets == "()" and not code.function and len(code.items) == 1 else ""
    return f"{flat(code.function)}{code.brackets[0]}{items}{comma}{code.brackets[1]}"


def statement(code: Code, *, before: str = "", after: str = "", indent: int = 4) -> Iterator[str]:
    """The lines of a statement.

    Args:
        code: an expression.
        before: what stands before it, such as `x = `.
        after: what stands behind it.
        indent: spaces in front.
    """
    line = " " * indent + before + flat(code) + after
    if len(line) <= WIDTH or isinstance(code, str):
        yield line
        return
    called = "(" + ", ".join(name + flat(item) for name, item in code.items) + ")"
    begins = " " * indent + before + flat(code.function) + code.brackets[0]
    if isinstance(code.function, Call) and code.function.items and len(begins) > WIDTH:
        # A layer and what it is called with: the layer's own arguments are those that are long.
        yield from statement(code.function, before=before, after=called + after, indent=indent)
        return
    yield begins
    items = code.items
    inside = " " * (indent + 4) + ", ".join(name + flat(item) for name, item in items)
    if len(items) > 1 and len(inside) <= WIDTH and code.function:
        yield inside
    else:
        comma = "," if len(items) > 1 else ""
        for name, item in items:
            yield from statement(item, before=name, after=comma, indent=indent + 4)
    yield " " * indent + code.brackets[1] + after


def literal(value: Any) -> Code:
    """A plain value, or some in lists, tuples and dictionaries.

    Raises:
        TypeError: of anything else.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return Call("", [literal(item) for item in value], brackets="[]" if isinstance(value, list) else "()")
    if isinstance(value, dict):
        return Call("", keywords={k: literal(v) for k, v in value.items()}, brackets="{}")
    if isinstance(value, float):
        return _number(value)
    if value is None or value is Ellipsis or isinstance(value, bool | int):
        return "..." if value is Ellipsis else str(value)
    raise TypeError(f"{type(value).__name__} has no literal")


def _number(value: float) -> str:
    """A float, as the share of 1 that it was made as where it was."""
    if not math.isfinite(value):
        return f'float("{value}")'
    whole = round(1 / value) if value else 0
    return f"1 / {whole}" if whole > 1 and 1 / whole == value and len(repr(value)) > 6 else repr(value)
