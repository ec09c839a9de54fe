"""Which examples of a source train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.data.collect import collect
from dlkit.data.splits import overlap, pieces
from dlkit.schema.data import Data
from dlkit.schema.source import Piece

SPLITS = ("train", "validation", "test")
Pieces = dict[str, tuple[Piece, ...]]


def choose(data: Data, sizes: Mapping[str, int | None]) -> Pieces:
    """The pieces of train, validation and test; by default the source's splits of those names.

    Shares of the training rows are not taken yet: `dlkit.data.divide` does that.

    Raises:
        ConfigError: slices that do not fit the source, or training examples that are evaluated on as well.
    """
    if data.splits is None:
        slices = {split: split for split in SPLITS if split in sizes or split == "train"}
    else:
        slices = data.splits.slices()
    key: Key = ("data", "splits")
    chosen: Pieces = collect({split: partial(pieces, text, sizes, (*key, split)) for split, text in slices.items()})
    problems = [
        Problem(
            "overlapping-splits",
            f"{'some' if shared is None else f'{shared:,}'} examples of {split} are training examples too, "
            "which makes its figures worthless",
            (*key, split),
            help="cut the slices so that they do not meet, as in `train[:90%]` and `train[90%:]`",
        )
        for split in ("validation", "test")
        if split in chosen and (shared := overlap(chosen["train"], chosen[split])) != 0
    ]
    if problems:
        raise ConfigError(problems)
    return chosen


def overlap_notes(chosen: Pieces) -> list[str]:
    if "validation" in chosen and "test" in chosen and overlap(chosen["validation"], chosen["test"]) != 0:
        return ["validation and test share examples, so the test figures are of examples that chose the best epoch"]
    return []
