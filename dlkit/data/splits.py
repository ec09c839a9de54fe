"""The language of slices, that of TensorFlow Datasets, for every source: `train[:90%]`, `train[10%:20%]+extra`.

    slices  = part ("+" part)*          one after the other
    part    = name | name "[" from ":" to "]"
    from/to = nothing | whole number | number "%"       negative: counted from the end

Percentages are rounded to the nearest example, as TFDS does, so a slice means the same examples in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data.names import did_you_mean

_PART = re.compile(r"(?P<split>[\w-]+)(\[(?P<start>[^:\[\]]*):(?P<stop>[^:\[\]]*)\])?")
_BOUND = re.compile(r"(?P<whole>-?\d+)|(?P<percent>-?(\d+\.?\d*|\.\d+))\s*%")
_SYNTAX = "write `train`, `train[:90%]`, `train[90%:]`, `train[:1000]`, `train[-500:]` or `train[10%:20%]+extra`"


@dataclass(frozen=True)
class Piece:
    """Consecutive examples of one split of a source.

    Attributes:
        split: name of the split in the source.
        start: number of the first example, from 0.
        stop: number after the last one; None for all there are, where their number is unknown.
    """

    split: str
    start: int
    stop: int | None

    @property
    def size(self) -> int | None:
        """Number of examples, None where unknown."""
        return None if self.stop is None else self.stop - self.start


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
    return tuple(_piece(part.strip(), slices, sizes, key) for part in slices.split("+"))


def _piece(part: str, slices: str, sizes: Mapping[str, int | None], key: Key) -> Piece:
    match = _PART.fullmatch(part)
    if match is None:
        raise _problem("bad-slice", f"`{slices}` is not a slice that can be read", key, _SYNTAX)
    split = match["split"]
    if split not in sizes:
        message = f"the source has no split `{split}`"
        raise _problem("unknown-split", message, key, did_you_mean(split, sizes, "it has"))
    size = sizes[split]
    bounds = [_bound(match[end], slices, key) for end in ("start", "stop")]
    if bounds == [None, None]:
        if match["start"] is not None:
            raise _problem("bad-slice", f"`{part}` has neither start nor end", key, f"write `{split}` for all of it")
        if size == 0:
            raise _problem("empty-split", f"split `{split}` has no examples", key, "choose another split")
        return Piece(split, 0, size)
    if size is None:
        message = f"`{part}` cannot be cut, because the number of examples of `{split}` is unknown"
        raise _problem("slice-needs-size", message, key, f"use all of it, `{split}`, or give the dataset a cardinality")
    if len({bound[1] for bound in bounds if bound is not None}) > 1:
        # TFDS reads the plain number as a percentage too, which nobody means.
        message = f"`{part}` mixes a percentage with a number of examples"
        raise _problem("bad-slice", message, key, "give both ends in the same unit")
    start, stop = (
        default if bound is None else _absolute(bound, size) for bound, default in zip(bounds, (0, size), strict=True)
    )
    if max(abs(start), abs(stop)) > size:
        message = f"`{part}` reaches beyond the {size:,} examples of `{split}`"
        raise _problem("slice-out-of-range", message, key, f"stay within -{size} and {size}, or use percentages")
    start, stop = (end + size if end < 0 else end for end in (start, stop))
    if start >= stop:
        message = f"`{part}` holds no examples: it runs from {start:,} to {stop:,} of {size:,}"
        raise _problem("empty-split", message, key, "let it start before its end")
    return Piece(split, start, stop)


def _bound(text: str | None, slices: str, key: Key) -> tuple[float, str] | None:
    """A number and its unit, % or nothing; None for an end that is left out."""
    if not (text or "").strip():
        return None
    match = _BOUND.fullmatch((text or "").strip())
    if match is None:
        raise _problem("bad-slice", f"`{text}` in `{slices}` is neither a number nor a percentage", key, _SYNTAX)
    if match["percent"] is None:
        return int(match["whole"]), ""
    percent = float(match["percent"])
    if abs(percent) > 100:
        raise _problem("slice-out-of-range", f"`{text}` in `{slices}` is more than 100 %", key, "stay within 100 %")
    return percent, "%"


def _absolute(bound: tuple[float, str], size: int) -> int:
    value, unit = bound
    return round(value * size / 100.0) if unit == "%" else int(value)


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
