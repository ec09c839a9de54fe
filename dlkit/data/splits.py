"""From slices such as `train[:90%]` to the examples that they mean, in a source whose splits have known sizes.

Percentages are rounded to the nearest example, as TFDS does, so a slice means the same examples in both. The language
itself is in `dlkit.config.slices`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlkit.config.names import did_you_mean
from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.config.slices import Bound, Slice, read_slices
from dlkit.schema.source import Piece


def pieces(slices: str, sizes: Mapping[str, int | None], key: Key = ()) -> tuple[Piece, ...]:
    """What examples a text such as `train[:90%]+extra` stands for.

    Args:
        slices: the text.
        sizes: number of examples of each split of the source, None where unknown.
        key: path of the setting that holds the text, for messages.

    Returns:
        The pieces in the order of the text, each with at least one example.

    Raises:
        ConfigError: unreadable text, an unknown split, a slice out of range or without examples.
    """
    return tuple(_piece(part, sizes, key) for part in read_slices(slices, key))


def _piece(part: Slice, sizes: Mapping[str, int | None], key: Key) -> Piece:
    split = part.split
    if split not in sizes:
        message = f"the source has no split `{split}`"
        raise _problem("unknown-split", message, key, did_you_mean(split, sizes, "it has"))
    size = sizes[split]
    if part.start is None and part.stop is None:
        if size == 0:
            raise _problem("empty-split", f"split `{split}` has no examples", key, "choose another split")
        return Piece(split, 0, size)
    if size is None:
        message = f"`{part.text}` cannot be cut, because the number of examples of `{split}` is unknown"
        raise _problem("slice-needs-size", message, key, f"use all of it, `{split}`, or give the dataset a cardinality")
    start = 0 if part.start is None else _absolute(part.start, size)
    stop = size if part.stop is None else _absolute(part.stop, size)
    if max(abs(start), abs(stop)) > size:
        message = f"`{part.text}` reaches beyond the {count(size, 'example')} of `{split}`"
        raise _problem("slice-out-of-range", message, key, f"stay within -{size} and {size}, or use percentages")
    start, stop = (end + size if end < 0 else end for end in (start, stop))
    if start >= stop:
        message = f"`{part.text}` holds no examples: it runs from {start:,} to {stop:,} of {size:,}"
        raise _problem("empty-split", message, key, "let it start before its end")
    return Piece(split, start, stop)


def _absolute(bound: Bound, size: int) -> int:
    return round(bound.value * size / 100.0) if bound.unit == "%" else int(bound.value)


def total(parts: Sequence[Piece]) -> int | None:
    """Number of examples of all pieces, None where unknown."""
    sizes = [part.size for part in parts]
    return None if None in sizes else sum(size or 0 for size in sizes)


def overlap(first: Sequence[Piece], second: Sequence[Piece]) -> int | None:
    """How many examples of `second` are also in `first`; None for an unknown number of them, 0 for none."""
    shared = 0
    for one in first:
        for two in second:
            if one.split != two.split:
                continue
            if one.stop is None or two.stop is None:
                return None
            shared += max(0, min(one.stop, two.stop) - max(one.start, two.start))
    return shared


def _problem(code: str, message: str, key: Key, help: str) -> ConfigError:
    return ConfigError(Problem(code, message, key, help=help))
