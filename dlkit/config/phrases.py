"""Numbers with their nouns, lists, tables, and texts that are cut: for messages of every layer, without any import."""

from __future__ import annotations

from collections.abc import Container, Sequence


def count(number: float, noun: str) -> str:
    """A number with its noun: `1 example`, `60,000 examples`, `2 classes`, `3 axes`."""
    plural = {"axis": "axes"}.get(noun) or noun + ("es" if noun.endswith(("s", "tch")) else "s")
    return f"{number:{'g' if isinstance(number, float) else ','}} {noun if number == 1 else plural}"


def cut(text: str, width: int = 60) -> str:
    """A text shortened to a width."""
    return text if len(text) <= width else text[: width - 3] + "..."


def folded(text: str) -> str:
    """A text without its capitals and superfluous spaces, to find others that differ in these alone."""
    return " ".join(text.split()).casefold()


def listed(words: Sequence[str]) -> str:
    """Words as a sentence has them: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def with_article(noun: str) -> str:
    """`a step`, `an initializer`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """Rows of cells in columns, two spaces apart.

    Args:
        rows: at least one. The last cell of a row that has fewer than others may reach over the columns after it.
        right: numbers of the columns that are set to the right, as figures are.
    """
    columns = max(map(len, rows))
    counted = [row if len(row) == columns else row[:-1] for row in rows]
    widths = [max((len(row[n]) for row in counted if n < len(row)), default=0) for n in range(columns)]
    lines = []
    for row, some in zip(rows, counted, strict=True):
        cells = [c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(some, widths, strict=False))]
        lines.append("  ".join([*cells, *row[len(some) :]]).rstrip())
    return lines
