"""Rules on data: its splits, and the names of inputs and targets."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import ConfigError, Problem
from dlkit.config.slices import read_slices
from dlkit.schema import Config


def slices_can_be_read(config: Config) -> Iterator[Problem]:
    """Every split is written in the language of slices."""
    for name, text in config.data.splits or ():
        try:
            if text is not None:
                read_slices(text, ("data", "splits", name))
        except ConfigError as error:
            yield from error.problems


def splits_differ(config: Config) -> Iterator[Problem]:
    """What trains does not also validate or test."""
    splits = config.data.splits
    if splits is None:
        return
    used = {splits.train: "train"}
    for name in ("validation", "test"):
        slice_ = getattr(splits, name)
        if slice_ in used and slice_ is not None:
            yield Problem(
                "contradiction",
                f"`{name}` and `{used[slice_]}` are the same examples, `{slice_}`",
                ("data", "splits", name),
                label=f"the same as `{used[slice_]}`",
                help="results on examples that were trained on say nothing about new ones"
                if used[slice_] == "train"
                else "the test examples would have chosen the best epoch",
            )
        elif slice_ is not None:
            used[slice_] = name


def names_differ(config: Config) -> Iterator[Problem]:
    """No input has the name of a target."""
    for name in config.data.targets:
        if name in config.data.inputs:
            yield Problem(
                "contradiction",
                f"an input and a target are both called `{name}`",
                ("data", "targets", name),
                label="give one of them another name",
                help=f"with `column: {name}` it is still read from that column",
            )
