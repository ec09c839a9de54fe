"""What the rules on whole splits share: which splits they compare, and words for rows."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.checks.context import OfSplits
from dlkit.config.phrases import count, listed
from dlkit.data.contract import Rows, Splits

# Each split beside the one that its examples should not be in.
PAIRS = (("test", "train"), ("validation", "train"), ("test", "validation"))


def pairs(case: OfSplits) -> Iterator[tuple[Splits, str, Rows, str, Rows]]:
    """The splits before the host stage, and two of them with their names.

    Splits of the same examples are left out, which a note reports; and so are streams, which would have to be read.
    """
    splits = case.raw
    if splits is None or case.config.training.overfit_batches is not None:
        return
    for first, second in PAIRS:
        one, other = getattr(splits, first), getattr(splits, second)
        same = splits.fingerprint.get(first) is not None and splits.fingerprint.get(first) == splits.fingerprint.get(
            second
        )
        if isinstance(one, Rows) and isinstance(other, Rows) and one.size and other.size and not same:
            yield splits, first, one, second, other


def place(splits: Splits, split: str, row: int) -> str:
    """Words for a row of a split: those of its source, or its number."""
    ids = getattr(splits, split).ids
    return f"{split}[{row}]" if splits.place is None or ids is None else splits.place(int(ids[row]))


def looked_at(*parts: tuple[str, int, int]) -> str:
    """That rows were sampled, in brackets; empty where none were left out.

    Args:
        parts: name of a split, number of rows that were looked at, and its size.
    """
    some = [f"{few:,} of {count(size, f'{name} example')}" for name, few, size in parts if few < size]
    return f" (looking at {listed(some)})" if some else ""
