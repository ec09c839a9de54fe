"""`kind: number`: one or several numbers to be predicted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlkit.schema.target import TargetSettings


class NumberTarget(TargetSettings):
    """A number, or a vector of them, to be predicted."""

    also_called = "numeric, float, regression, numerical, scalar, tabular, vector"
    holds = "numbers"
    losses = frozenset(
        {
            "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
            "mean_squared_logarithmic_error", "huber", "log_cosh", "poisson", "cosine_similarity",
        }
    )  # fmt: skip
    metrics_that_fit = frozenset(
        {
            "mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
            "mean_squared_logarithmic_error", "log_cosh_error", "r2_score", "pearson_correlation",
            "concordance_correlation", "cosine_similarity", "poisson",
        }
    )  # fmt: skip
    default_loss = "mean_squared_error"
    default_metrics = ("mean_absolute_error",)

    kind: Literal["number"]
    unit: str | None = Field(None, description="Unit of the numbers, carried into results and reports.")
