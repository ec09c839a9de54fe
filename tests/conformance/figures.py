"""What scikit-learn says of the metrics of each kind of target, and the arguments that some of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn.metrics as sk

# scikit-learn's figure of labels and results, by kind and metric.
EXPECTED: dict[tuple[str, str], Callable[[Any, Any], float]] = {
    ("category", "accuracy"): lambda y, p: sk.accuracy_score(y, p.argmax(1)),
    ("category", "sparse_categorical_accuracy"): lambda y, p: sk.accuracy_score(y, p.argmax(1)),
    ("category", "sparse_top_k_categorical_accuracy_k_2"): lambda y, p: sk.top_k_accuracy_score(y, p, k=2),
    ("category", "sparse_categorical_crossentropy"): lambda y, p: sk.log_loss(y, p, labels=[0, 1, 2]),
    ("category", "categorical_accuracy"): lambda y, p: sk.accuracy_score(y, p.argmax(1)),
    ("category", "categorical_crossentropy"): lambda y, p: sk.log_loss(y, p, labels=[0, 1, 2]),
    ("category", "f1_score"): lambda y, p: sk.f1_score(y, p.argmax(1), average="macro"),
    ("category", "precision"): lambda y, p: sk.precision_score(np.eye(3)[y] > 0, p > 0.5, average="micro"),
    ("category", "recall"): lambda y, p: sk.recall_score(np.eye(3)[y] > 0, p > 0.5, average="micro"),
    ("category", "mean_io_u"): lambda y, p: sk.jaccard_score(y, p.argmax(1), average="macro"),
    ("category", "one_hot_mean_io_u"): lambda y, p: sk.jaccard_score(y, p.argmax(1), average="macro"),
    ("category", "io_u"): lambda y, p: sk.jaccard_score(y, p.argmax(1), labels=[0, 1], average="macro"),
    ("binary", "accuracy"): lambda y, p: sk.accuracy_score(y, p[:, 0] > 0.5),
    ("binary", "binary_accuracy"): lambda y, p: sk.accuracy_score(y, p[:, 0] > 0.5),
    ("binary", "binary_crossentropy"): lambda y, p: sk.log_loss(y, p[:, 0]),
    ("binary", "precision"): lambda y, p: sk.precision_score(y, p[:, 0] > 0.5),
    ("binary", "precision_thresholds_0_3"): lambda y, p: sk.precision_score(y, p[:, 0] > 0.3),
    ("binary", "recall"): lambda y, p: sk.recall_score(y, p[:, 0] > 0.5),
    ("binary", "f1_score"): lambda y, p: sk.f1_score(y, p[:, 0] > 0.5),
    ("binary", "f_beta_score"): lambda y, p: sk.fbeta_score(y, p[:, 0] > 0.5, beta=1.0),
    ("binary", "true_positives"): lambda y, p: float(((p[:, 0] > 0.5) & (y == 1)).sum()),
    ("binary", "true_negatives"): lambda y, p: float(((p[:, 0] <= 0.5) & (y == 0)).sum()),
    ("binary", "false_positives"): lambda y, p: float(((p[:, 0] > 0.5) & (y == 0)).sum()),
    ("binary", "false_negatives"): lambda y, p: float(((p[:, 0] <= 0.5) & (y == 1)).sum()),
    ("binary", "hinge"): lambda y, p: sk.hinge_loss(np.where(y == 1, 1, -1), p[:, 0]),
    ("number", "mean_squared_error"): sk.mean_squared_error,
    ("number", "root_mean_squared_error"): lambda y, p: float(np.sqrt(sk.mean_squared_error(y, p))),
    ("number", "mean_absolute_error"): sk.mean_absolute_error,
    ("number", "r2_score"): sk.r2_score,
    ("forecast", "mean_absolute_error"): lambda y, p: sk.mean_absolute_error(y.reshape(p.shape), p),
    ("forecast", "root_mean_squared_error"): lambda y, p: float(np.sqrt(sk.mean_squared_error(y.reshape(p.shape), p))),
    ("forecast", "r2_score"): lambda y, p: sk.r2_score(y.reshape(p.shape), p),
    ("multi_label", "accuracy"): lambda y, p: sk.accuracy_score(y.reshape(-1), p.reshape(-1) > 0.5),
    ("multi_label", "binary_crossentropy"): lambda y, p: np.mean([sk.log_loss(y[:, i], p[:, i]) for i in range(3)]),
    ("multi_label", "f1_score"): lambda y, p: sk.f1_score(y, p > 0.5, average="macro"),
    ("multi_label", "precision"): lambda y, p: sk.precision_score(y, p > 0.5, average="micro"),
    ("multi_label", "recall"): lambda y, p: sk.recall_score(y, p > 0.5, average="micro"),
}
# Arguments that a metric cannot do without.
ARGUMENTS = {
    "precision_at_recall": {"recall": 0.5}, "recall_at_precision": {"precision": 0.6},
    "sensitivity_at_specificity": {"specificity": 0.5}, "specificity_at_sensitivity": {"sensitivity": 0.5},
    "binary_io_u": {"target_class_ids": [0, 1]}, "io_u": {"target_class_ids": [0, 1]},
    "one_hot_io_u": {"target_class_ids": [0, 1]}, "top_k_categorical_accuracy": {"k": 2},
}  # fmt: skip
# Metrics that are asked for a second time with other arguments.
AGAIN: dict[str, list[dict[str, Any]]] = {
    "category": [{"name": "sparse_top_k_categorical_accuracy", "k": 2}],
    "binary": [{"name": "auc", "curve": "PR"}, {"name": "precision", "thresholds": 0.3}],
}
