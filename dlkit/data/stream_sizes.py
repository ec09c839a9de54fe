"""How many examples streams give that do not say it, and whether they can be read again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.contract import SOURCE_ORDER, Split, Splits, Stream
from dlkit.elements import elements

ONE_SHOT = "give data that can be read again from the start: a tf.data.Dataset made of a one-shot generator cannot"


def with_sizes(splits: Splits) -> Splits:
    """The splits with the number of examples of each stream that does not say it: one pass over each.

    Raises:
        ConfigError: if one has no examples.
        RunError: if one has none when it is read again.
    """
    unknown = {n: s for n, s in splits.by_name.items() if isinstance(s, Stream) and s.size is None}
    if not unknown:
        return splits
    found: dict[str, Split] = {**splits.by_name, **{name: counted(stream, name) for name, stream in unknown.items()}}
    spec = replace(splits.spec, sizes={**splits.spec.sizes, **{name: found[name].size for name in unknown}})
    return replace(splits, spec=spec, train=found["train"], validation=found.get("validation"), test=found.get("test"))


def counted(stream: Stream, name: str = "") -> Stream:
    """A stream with the number of its examples; see `with_sizes`."""
    split = f"split `{name}`" if name else "a split"
    examples = stream.make(0, SOURCE_ORDER)
    size = int(examples.reduce(np.int64(0), lambda n, *_: n + 1))
    if not size:
        message = f"{split} has no examples"
        raise ConfigError(Problem("empty-split", message, ("data",), help="look at what it is made of"))
    if not any(True for _ in elements(stream.make(0, SOURCE_ORDER).take(1))):
        message = f"{split} gave {count(size, 'example')}, and none when it was read again"
        raise RunError(Problem("data-ended", message, ("data",), help=ONE_SHOT))
    return replace(stream, size=size)
