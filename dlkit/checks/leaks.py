"""Columns that say alone what is to be predicted: mostly they were not known before it, or were made from it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlkit.checks import one_column
from dlkit.checks.context import OfSplits
from dlkit.checks.sampling import looked_at
from dlkit.config.problems import Problem
from dlkit.data import table
from dlkit.data.bound import Spec, Target
from dlkit.data.contract import Rows

# Figures from which a single column is too good to be true.
AUC, R2 = 0.99, 0.99
# Rows and values that are looked at.
MOST_ROWS, MOST_VALUES = 5_000, 1_000_000
# Numbers of an example that are predicted, of which each is looked at.
MOST_NUMBERS = 4


def perfect_column(case: OfSplits) -> Iterator[Problem]:
    """A column that is not there when predictions are made leaves nothing of a model's figures."""
    if case.raw is None or not isinstance(case.raw.train, Rows) or not table.width(case.raw.spec):
        return
    spec, train = case.raw.spec, case.raw.train
    rows = some_rows(spec, train)
    columns = table.table(spec, train, rows)
    if columns is None or len(rows) < one_column.LEAST_ROWS:
        return
    for name, target in spec.targets.items():
        for answers, numbers in _answers(target, train.held.targets[name][rows]):
            if found := _best(columns, answers, numbers=numbers):
                at, figure = found
                what = f"R2 {figure:.3f}" if numbers else f"AUC {figure:.3f}"
                yield Problem(
                    "column-gives-answer",
                    f"`{columns.names[at]}` alone predicts `{name}` nearly perfectly: {what} in cross-validation"
                    f"{looked_at(('train', len(rows), train.size))}",
                    columns.keys[at],
                    help="leave the column out unless it is known before what is predicted, and not made from it",
                    severity="warning",
                )
                break


def some_rows(spec: Spec, split: Rows, most: int = MOST_ROWS) -> np.ndarray:
    """Numbers of the rows that are looked at: fewer of wide tables."""
    return table.sampled(split.size, max(one_column.LEAST_ROWS, min(most, MOST_VALUES // table.width(spec))))


def _answers(target: Target, labels: np.ndarray) -> Iterator[tuple[np.ndarray, bool]]:
    """What single columns are asked to predict: classes, or numbers one by one."""
    classes = target.settings.class_numbers(target, labels)
    if classes is not None:
        yield classes, False
        return
    numbers = target.settings.numbers(target, labels)
    if numbers is not None and numbers.shape[1] <= MOST_NUMBERS:
        yield from ((column, True) for column in numbers.T)


def _best(columns: table.Table, answers: np.ndarray, *, numbers: bool) -> tuple[int, float] | None:
    """The best column with its figure, where that is too good."""
    judge, limit = (one_column.r2, R2) if numbers else (one_column.auc, AUC)
    figures = {
        at: judge(columns.values[:, at], answers) for at in one_column.candidates(columns, answers, numbers=numbers)
    }
    good = {at: figure for at, figure in figures.items() if figure >= limit}
    return max(good.items(), key=lambda pair: pair[1]) if good else None
