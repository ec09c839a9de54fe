"""Splits that differ: a model can tell from an example's inputs which split it is of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlkit.checks import one_column
from dlkit.checks.context import OfSplits
from dlkit.checks.leaks import some_rows
from dlkit.checks.sampling import looked_at, pairs
from dlkit.config.problems import Problem
from dlkit.data import table
from dlkit.lazy import lazy

ensemble, metrics = lazy("sklearn.ensemble"), lazy("sklearn.metrics")
selection = lazy("sklearn.model_selection")

# From this area under the ROC curve on, splits are no samples of the same thing. 0.5 is chance.
AUC = 0.8
MOST_ROWS = 2_500
# A column is named as the one that differs where it has this share of what is above chance.
SHARE = 0.5


def splits_differ(case: OfSplits) -> Iterator[Problem]:
    """Figures of a test split that is unlike training say how the model does elsewhere; so does a badly cut one."""
    for splits, first, one, second, other in pairs(case):
        if second != "train" or not table.width(splits.spec):
            continue
        rows, others = (some_rows(splits.spec, split, MOST_ROWS) for split in (one, other))
        ours, theirs = table.table(splits.spec, one, rows), table.table(splits.spec, other, others)
        if ours is None or theirs is None or min(len(rows), len(others)) < one_column.LEAST_ROWS:
            continue
        values = np.concatenate([ours.values, theirs.values])
        which = np.repeat([1, 0], [len(rows), len(others)])
        figure = _distinguished(values, which)
        if figure < AUC:
            continue
        seen = looked_at((first, len(rows), one.size), (second, len(others), other.size))
        both = table.Table(values, ours.names, ours.codes, ours.keys)
        yield Problem(
            "splits-differ",
            f"a model tells {first} from training examples by their inputs alone: AUC {figure:.2f}{seen}"
            f"{_by_which(both, which, figure)}",
            ("data", "splits"),
            help="mix the rows before they are cut, as `validation: 10%` does; where splits are cut by time or group "
            "on purpose, keep what only says when or where out of the inputs",
            severity="warning",
        )


def _distinguished(values: np.ndarray, which: np.ndarray) -> float:
    """How well random trees distinguish two splits, in cross-validation: area under the ROC curve."""
    model = ensemble.ExtraTreesClassifier(30, max_features=None, min_samples_leaf=5, max_depth=12, random_state=0)
    folds = selection.StratifiedKFold(one_column.FOLDS, shuffle=True, random_state=0)
    guesses = selection.cross_val_predict(model, values, which, cv=folds, method="predict_proba")
    return float(metrics.roc_auc_score(which, guesses[:, 1]))


def _by_which(both: table.Table, which: np.ndarray, figure: float) -> str:
    """The column that tells them apart, in words."""
    figures = {
        at: one_column.auc(both.values[:, at], which) for at in one_column.candidates(both, which, numbers=False)
    }
    at = max(figures, key=lambda at: figures[at])
    if figures[at] - 0.5 < SHARE * (figure - 0.5):
        return "; no column does so alone"
    return f"; `{both.names[at]}` alone does so with {figures[at]:.2f}"
