"""Groups that are in two splits: rows of one patient, customer or film say too much of each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlkit.checks.context import OfSplits
from dlkit.checks.sampling import pairs, place
from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.data.contract import Rows


def in_two_splits(case: OfSplits) -> Iterator[Problem]:
    """A model that knows a group from training is judged on it too kindly."""
    splits = case.raw
    if splits is None or splits.groups is None:
        return
    groups = {
        name: splits.groups(split.ids)
        for name, split in splits.by_name.items()
        if isinstance(split, Rows) and split.ids is not None
    }
    for _, first, one, second, _ in pairs(case):
        ours, theirs = groups[first], groups[second]
        rows = np.flatnonzero(np.isin(ours, theirs) & (ours >= 0))
        if not rows.size:
            continue
        row, shared = int(rows[0]), np.unique(ours[rows])
        twin = int(np.flatnonzero(theirs == ours[row])[0])
        verb = "is" if rows.size == 1 else "are"
        column = case.config.data.splits.column if case.config.data.splits is not None else None
        yield Problem(
            "group-in-two-splits",
            f"{rows.size:,} of {count(one.size, f'{first} example')} {verb} of {count(len(shared), 'group')} of "
            f"`{column}` that {second} has too; the first is {place(splits, first, row)}, of the same group as "
            f"{place(splits, second, twin)}",
            ("data", "splits"),
            help="put the source's splits together and take whole groups of them, as in `splits: {train: train+test, "
            f"by: group, column: {column}, validation: 10%, test: 20%}}`",
            severity="warning",
        )
