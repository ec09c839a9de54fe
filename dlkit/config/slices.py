"""The language of slices, that of TensorFlow Datasets, for every source: `train[:90%]`, `train[10%:20%]+extra`.

    slices  = part ("+" part)*          one after the other
    part    = name | name "[" from ":" to "]"
    from/to = nothing | whole number | number "%"       negative: counted from the end

and of shares that are taken from the training rows: `10%`, or `500` for as many examples.

What can be read without knowing the source is read here; `dlkit.data.splits` says which examples it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dlkit.config.problems import ConfigError, Key, Problem

_PART = re.compile(r"(?P<split>[\w-]+)(\[(?P<start>[^:\[\]]*):(?P<stop>[^:\[\]]*)\])?")
_UNCLOSED = re.compile(r"[\w-]+\[[^:\[\]]*:[^:\[\]]*")
_BOUND = re.compile(r"(?P<whole>-?\d+)|(?P<percent>-?(\d+\.?\d*|\.\d+))\s*%")
_SYNTAX = "write `train`, `train[:90%]`, `train[90%:]`, `train[:1000]`, `train[-500:]` or `train[10%:20%]+extra`"


@dataclass(frozen=True)
class Bound:
    """One end of a slice.

    Attributes:
        value: negative when counted from the end.
        unit: `%`, or nothing for a number of examples.
    """

    value: float
    unit: Literal["%", ""]


@dataclass(frozen=True)
class Slice:
    """Consecutive examples of one split, as they are written.

    Attributes:
        text: as written.
        split: name of the split in the source.
        start: None for the first example.
        stop: None for the end of the split.
    """

    text: str
    split: str
    start: Bound | None = None
    stop: Bound | None = None


def read_slices(text: str, key: Key = ()) -> tuple[Slice, ...]:
    """The parts of a text such as `train[:90%]+extra`.

    Args:
        text: as the configuration has it.
        key: path of the setting that holds it, for messages.

    Raises:
        ConfigError: if it cannot be read, or can mean nothing whatever the source.
    """
    return tuple(_slice(part.strip(), text, key) for part in text.split("+"))


def read_share(text: str) -> Bound | None:
    """A share such as `10%`, or a number of examples; None for anything else, such as a slice."""
    match = _BOUND.fullmatch(text.strip())
    if match is None:
        return None
    if match["percent"] is None:
        return Bound(int(match["whole"]), "")
    return Bound(float(match["percent"]), "%")


def _slice(part: str, text: str, key: Key) -> Slice:
    match = _PART.fullmatch(part)
    if match is None and _UNCLOSED.fullmatch(part):
        raise _problem("bad-slice", f"the bracket of `{part}` is not closed", key, f"write `{part.rstrip()}]`")
    if match is None:
        help = f"write `{whole}`" if (whole := _slice_of_share(part)) else _SYNTAX
        raise _problem("bad-slice", f"`{text}` is not a slice that can be read", key, help)
    split = match["split"]
    start, stop = (_bound(match[end], text, key) for end in ("start", "stop"))
    if match["start"] is not None and start is None and stop is None:
        raise _problem("bad-slice", f"`{part}` has neither start nor end", key, f"write `{split}` for all of it")
    if start is not None and stop is not None and start.unit != stop.unit:
        # TFDS reads the plain number as a percentage too, which nobody means.
        message = f"`{part}` mixes a percentage with a number of examples"
        raise _problem("bad-slice", message, key, "give both ends in the same unit")
    return Slice(part, split, start, stop)


def _slice_of_share(part: str) -> str:
    """A bare `80%` as the slice that was probably meant; empty for anything else."""
    match = _BOUND.fullmatch(part)
    if match is None or match["percent"] is None or not 0 < (percent := float(match["percent"])) < 100:
        return ""
    return f"train[:{percent:g}%]"


def _bound(text: str | None, slices: str, key: Key) -> Bound | None:
    """None for an end that is left out."""
    if not (text or "").strip():
        return None
    match = _BOUND.fullmatch((text or "").strip())
    if match is None:
        raise _problem("bad-slice", f"`{text}` in `{slices}` is neither a number nor a percentage", key, _SYNTAX)
    if match["percent"] is None:
        return Bound(int(match["whole"]), "")
    percent = float(match["percent"])
    if abs(percent) > 100:
        raise _problem("slice-out-of-range", f"`{text}` in `{slices}` is more than 100 %", key, "stay within 100 %")
    return Bound(percent, "%")


def _problem(code: str, message: str, key: Key, help: str) -> ConfigError:
    return ConfigError(Problem(code, message, key, help=help))
