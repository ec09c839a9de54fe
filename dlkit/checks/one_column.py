"""How well single columns of a table say what an example is: small trees of scikit-learn, cross-validated."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.data.table import Table
from dlkit.lazy import lazy

# Fitting a model takes milliseconds, importing scikit-learn a second.
metrics, selection, trees = lazy("sklearn.metrics"), lazy("sklearn.model_selection"), lazy("sklearn.tree")

# With fewer examples, or fewer of a class, chance makes good figures.
LEAST_ROWS, LEAST_OF_A_CLASS = 50, 10
FOLDS = 3
# Of a wide table, the columns that a tree of all of them uses are looked at.
MOST_COLUMNS, CHOSEN = 32, 8
_SEED = 0


def candidates(table: Table, answers: np.ndarray, *, numbers: bool) -> list[int]:
    """The columns worth a look: all of a few, of many those that a small tree finds best."""
    if len(table.names) <= MOST_COLUMNS:
        return list(range(len(table.names)))
    importance = _tree(answers, numbers=numbers).fit(table.values, answers).feature_importances_
    return [int(i) for i in np.argsort(-importance)[:CHOSEN] if importance[i] > 0]


def auc(column: np.ndarray, classes: np.ndarray) -> float:
    """How well a column tells classes apart: the area under the ROC curve, of several classes the mean over them.

    It is NaN where there are not two classes with enough rows.
    """
    _, numbers, counts = np.unique(classes, return_inverse=True, return_counts=True)
    enough = counts[numbers] >= LEAST_OF_A_CLASS
    column, numbers = column[enough], numbers[enough]
    kept = np.flatnonzero(counts >= LEAST_OF_A_CLASS)
    if len(kept) < 2 or len(numbers) < LEAST_ROWS:
        return float("nan")
    numbers = np.searchsorted(kept, numbers)
    folds = selection.StratifiedKFold(FOLDS, shuffle=True, random_state=_SEED)
    tree = _tree(numbers, numbers=False)
    guesses = selection.cross_val_predict(tree, column[:, None], numbers, cv=folds, method="predict_proba")
    if len(kept) == 2:
        return float(metrics.roc_auc_score(numbers, guesses[:, 1]))
    return float(metrics.roc_auc_score(numbers, guesses, multi_class="ovr"))


def r2(column: np.ndarray, answers: np.ndarray) -> float:
    """The share of the variance of numbers that a column explains; NaN where too few rows are there."""
    if len(answers) < LEAST_ROWS or answers.std() == 0:
        return float("nan")
    folds = selection.KFold(FOLDS, shuffle=True, random_state=_SEED)
    guesses = selection.cross_val_predict(_tree(answers, numbers=True), column[:, None], answers, cv=folds)
    return float(metrics.r2_score(answers, guesses))


def _tree(answers: np.ndarray, *, numbers: bool) -> Any:
    """A tree that has a few leaves for each class, or enough for a curve."""
    if numbers:
        return trees.DecisionTreeRegressor(max_leaf_nodes=64, min_samples_leaf=2, random_state=_SEED)
    leaves = 8 * len(np.unique(answers))
    return trees.DecisionTreeClassifier(max_leaf_nodes=min(leaves, 256), min_samples_leaf=3, random_state=_SEED)
