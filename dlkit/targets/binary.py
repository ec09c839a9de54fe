"""`kind: binary`: yes or no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dlkit.config.problems import Problem
from dlkit.schema.target import TargetSettings
from dlkit.targets._classes import CLASSES_ALSO_CALLED, ClassWeight, class_rules

if TYPE_CHECKING:
    from dlkit.schema import Config


class BinaryTarget(TargetSettings):
    """Yes or no, as 1 or 0."""

    also_called = "bool, boolean"
    fields_also_called: ClassVar[Mapping[str, str]] = {**TargetSettings.fields_also_called, **CLASSES_ALSO_CALLED}
    holds = "labels 0 and 1"
    losses = frozenset({"binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge"})
    metrics_that_fit = frozenset(
        {
            "accuracy", "binary_accuracy", "binary_crossentropy", "auc", "precision", "recall", "true_positives",
            "true_negatives", "false_positives", "false_negatives", "precision_at_recall", "recall_at_precision",
            "sensitivity_at_specificity", "specificity_at_sensitivity", "f1_score", "f_beta_score", "binary_io_u",
            "hinge", "squared_hinge",
        }
    )  # fmt: skip
    default_loss = "binary_crossentropy"
    default_metrics = ("accuracy",)
    smoothable = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})

    kind: Literal["binary"]
    classes: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Names of the two classes, that of 0 first."
    )
    class_weight: ClassWeight = Field(
        None, description="Weight of the examples of each class, by its name; `balanced`: the rarer, the heavier."
    )

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """Each class has its own name."""
        yield from super().rules(name, config)
        yield from class_rules(("data", "targets", name), self.classes)
