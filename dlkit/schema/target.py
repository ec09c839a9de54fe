"""What every target is: the base of the classes in `dlkit/targets/`, and their registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from dlkit.config.problems import Problem
from dlkit.schema.base import PositiveFloat, Section
from dlkit.schema.column import ALSO_CALLED, Column, Columns, column_rules, wanted_columns
from dlkit.schema.keras_objects import AnyLoss, AnyMetric, Loss, Metric
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.schema import Config


class TargetSettings(Section):
    """What every target has.

    A new kind is a file in `dlkit/targets/`, whose class has the file's name as `kind: Literal[...]`, and says below
    which of Keras's losses and metrics fit its labels.
    """

    # What people call this kind elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # What its labels are, as messages say it: "integer classes".
    holds: ClassVar[str] = ""
    losses: ClassVar[frozenset[str]] = frozenset()
    metrics_that_fit: ClassVar[frozenset[str]] = frozenset()
    default_loss: ClassVar[str] = ""
    default_metrics: ClassVar[tuple[str, ...]] = ()
    # The losses whose labels can be smoothed.
    smoothable: ClassVar[frozenset[str]] = frozenset()
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **ALSO_CALLED,
        "loss_weight": "weight, coefficient, task_weight",
        "class_weight": "class_weights, weights, weight, pos_weight, balance, balanced",
    }

    kind: str
    column: Column = Field(None, description="Column of the source, where it differs from the target's own name.")
    columns: Columns = Field(
        None, description='Several columns, side by side: a list, or a pattern such as `"sensor_*"`.'
    )
    loss: AnyLoss | None = Field(None, description="Keras loss; by default the one that fits the kind.")
    metrics: list[AnyMetric] | None = Field(None, description="Keras metrics; by default those that fit the kind.")
    loss_weight: PositiveFloat = Field(1.0, description="Weight of this target's loss in the loss of the run.")

    def wanted(self, name: str) -> tuple[str, ...]:
        """The columns that the target of this name reads; patterns as they are written."""
        return wanted_columns(name, self.column, self.columns)

    def loss_of(self, config: Config) -> Loss | None:
        """The loss that is asked for, here or at `training.loss`; None for the kind's own."""
        return self.loss if self.loss is not None else config.training.loss

    def metrics_of(self, config: Config) -> list[Metric] | None:
        """The metrics that are asked for, here or at `training.metrics`; None for the kind's own."""
        return self.metrics if self.metrics is not None else config.training.metrics

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """What is wrong with the target of this name, given the whole configuration."""
        yield from column_rules(("data", "targets", name), self.column, self.columns)


TARGETS = Registry("target", TargetSettings, "kind", package="dlkit.targets")
