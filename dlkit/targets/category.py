"""`kind: category`: one class of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dlkit.config.problems import Problem
from dlkit.schema.target import TargetSettings
from dlkit.targets._classes import CLASSES_ALSO_CALLED, ClassWeight, class_rules

if TYPE_CHECKING:
    from dlkit.schema import Config


class CategoryTarget(TargetSettings):
    """One class of several, as integers from 0."""

    also_called = "class, categorical, label, multiclass, classification"
    fields_also_called: ClassVar[Mapping[str, str]] = {**TargetSettings.fields_also_called, **CLASSES_ALSO_CALLED}
    holds = "integer classes"
    # A category is an integer, so losses over one-hot labels do not fit.
    losses = frozenset({"sparse_categorical_crossentropy"})
    metrics_that_fit = frozenset(
        {
            "accuracy", "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
            "sparse_top_k_categorical_accuracy",
        }
    )  # fmt: skip
    default_loss = "sparse_categorical_crossentropy"
    default_metrics = ("accuracy",)
    smoothable = frozenset({"sparse_categorical_crossentropy"})

    kind: Literal["category"]
    classes: Annotated[int, Field(ge=2)] | Annotated[list[str], Field(min_length=2)] | None = Field(
        None, description="Number of classes or their names, where the source does not give them."
    )
    class_weight: ClassWeight = Field(
        None, description="Weight of the examples of each class, by its name; `balanced`: the rarer, the heavier."
    )

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """Each class has its own name."""
        yield from super().rules(name, config)
        yield from class_rules(("data", "targets", name), self.classes)
