"""Rules on data: its splits, and the names of inputs and targets."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import ConfigError, Problem
from dlkit.config.slices import read_slices
from dlkit.schema import Config


def slices_can_be_read(config: Config) -> Iterator[Problem]:
    """Every split is written in the language of slices."""
    splits = config.data.splits
    for name, text in splits.slices().items() if splits is not None else ():
        try:
            read_slices(text, ("data", "splits", name))
        except ConfigError as error:
            yield from error.problems


def shares_can_be_taken(config: Config) -> Iterator[Problem]:
    """Shares of the training rows are positive and leave some of them, and what says how to take them is complete."""
    splits, key = config.data.splits, ("data", "splits")
    if splits is None:
        return
    shares = splits.shares()
    for name, share in shares.items():
        if share.value <= 0 or (share.unit == "%" and share.value >= 100):
            message = f"`{name}` takes `{getattr(splits, name)}` of the training rows"
            yield Problem("bad-slice", message, (*key, name), help="write a share between 0 and 100 %, as in `10%`")
    left = 100 - sum(share.value for share in shares.values() if share.unit == "%")
    left -= 100 / splits.folds if splits.folds is not None else 0
    if left <= 0 and all(0 < share.value < 100 for share in shares.values()):
        yield Problem("bad-slice", "the shares leave no examples to train on", key, help="take smaller shares")
    if splits.by not in (None, "group") and not shares and splits.folds is None:
        help = "take a share, as in `validation: 10%`"
        yield Problem("contradiction", "`by` says how shares are taken, and there are none", (*key, "by"), help=help)
    source = config.data.source
    windows = source is not None and source.gives_windows
    if splits.by in ("group", "time", "hash") and splits.column is None and not windows:
        message = f"`by: {splits.by}` needs the column that says it"
        yield Problem("contradiction", message, (*key, "by"), help="name it with `column:`", label="of which column?")
    if splits.folds is None:
        return
    if splits.test is not None:
        message = "the test examples are one of the folds"
        yield Problem("contradiction", message, (*key, "test"), label="also says which examples test")
    if splits.fold > splits.folds:
        message = f"there are {splits.folds} folds, from 1 on"
        yield Problem("contradiction", message, (*key, "fold"), label=f"is above {splits.folds}")


def splits_differ(config: Config) -> Iterator[Problem]:
    """What trains does not also validate or test."""
    splits = config.data.splits
    if splits is None:
        return
    used = {splits.train: "train"}
    for name in ("validation", "test"):
        slice_ = splits.slices().get(name)
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
