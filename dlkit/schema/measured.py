"""What is minimised and measured of a target: which of Keras's losses and metrics fit its kind, and how they see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.lazy import lazy
from dlkit.schema.base import PositiveFloat
from dlkit.schema.column import ColumnSettings
from dlkit.schema.keras_objects import AnyLoss, AnyMetric, Loss, Metric

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.schema import Config

keras = lazy("keras")


class MeasuredSettings(ColumnSettings):
    """The loss and the metrics of a target. Losses see logits, and metrics see results."""

    losses: ClassVar[frozenset[str]] = frozenset()
    metrics_that_fit: ClassVar[frozenset[str]] = frozenset()
    default_loss: ClassVar[str] = ""
    default_metrics: ClassVar[tuple[str, ...]] = ()
    # Figures of every run beside its metrics, which the saved model does not hold, since Keras has no such metric.
    own_figures: ClassVar[tuple[str, ...]] = ()
    # Losses that are of results, such as probabilities, whatever is asked of Keras: it has no `from_logits` for them.
    of_results: ClassVar[frozenset[str]] = frozenset()
    # Losses and metrics that Keras takes one-hot labels for.
    of_one_hot: ClassVar[frozenset[str]] = frozenset()
    # The losses whose labels can be smoothed.
    smoothable: ClassVar[frozenset[str]] = frozenset()
    # What `accuracy` means, by Keras's name; empty where it means nothing.
    accuracy: ClassVar[str] = ""
    # From logits to results, by Keras's name of an activation; None where they are the same.
    activation: ClassVar[str | None] = None
    # Metrics that are the same on logits as on results.
    same_on_logits: ClassVar[frozenset[str]] = frozenset()
    # Losses and metrics that compare the outputs of one example with each other, and need several.
    within_an_example: ClassVar[frozenset[str]] = frozenset()
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **ColumnSettings.fields_also_called,
        "loss_weight": "weight, coefficient, task_weight",
        "class_weight": "class_weights, weights, weight, pos_weight, balance, balanced",
    }

    loss: AnyLoss | None = Field(None, description="Keras loss; by default the one that fits the kind.")
    metrics: list[AnyMetric] | None = Field(None, description="Keras metrics; by default those that fit the kind.")
    loss_weight: PositiveFloat = Field(1.0, description="Weight of this target's loss in the loss of the run.")

    @property
    def usual_metrics(self) -> tuple[str, ...]:
        """The metrics where the configuration asks for none."""
        return self.default_metrics

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures of every run beside its metrics."""
        return self.own_figures

    @property
    def own_loss_name(self) -> str:
        """What the kind's own loss is called, where it is minimised in place of one of Keras's; else empty."""
        return ""

    def loss_of(self, config: Config) -> Loss | None:
        """The loss that is asked for, here or at `training.loss`; None for the kind's own."""
        return self.loss if self.loss is not None else config.training.loss

    def metrics_of(self, config: Config) -> list[Metric] | None:
        """The metrics that are asked for, here or at `training.metrics`; None for the kind's own."""
        return self.metrics if self.metrics is not None else config.training.metrics

    # From the network's outputs to a loss and to results: Keras ops, first axis the batch.

    def units(self, target: Target) -> int:
        """Width of the head."""
        raise NotImplementedError

    def describes_outputs(self, target: Target) -> str:
        """The width of the head in words."""
        return count(self.units(target), "output")

    def results(self, target: Target, logits: Any) -> Any:
        """Float32 results, shape (batch, units): probabilities, or numbers in their own unit."""
        return keras.activations.get(self.activation)(keras.ops.cast(logits, "float32"))

    def results_layers(self, target: Target) -> list[Any]:
        """Keras layers that do the same in the saved model."""
        name = f"{target.name}_{'value' if self.activation is None else 'probability'}"
        return [keras.layers.Activation(self.activation, dtype="float32", name=name)]

    def loss_function(
        self, target: Target, name: str, loss: Callable[[Any, Any], Any], *, logits: bool
    ) -> Callable[[Any, Any], Any]:
        """A Keras loss as a function of a batch's labels and of logits, or of results.

        Args:
            target: what is predicted.
            name: Keras's name of the loss.
            loss: made by Keras.
            logits: whether the outputs are logits.
        """
        if not logits or name not in self.of_results:
            return loss
        return lambda labels, outputs: loss(labels, self.results(target, outputs))

    def scale(self, target: Target) -> tuple[Any, Any] | None:
        """Mean and deviation by which the network predicts, float32, shape (units,); None where it does not."""
        return None

    def own_loss(self, target: Target, *, logits: bool) -> Callable[[Any, Any], Any]:
        """The loss that `own_loss_name` calls so, a value for each example; see `loss_function`."""
        raise NotImplementedError

    def loss_arguments(self, name: str) -> dict[str, Any]:
        """Arguments of a Keras loss that this kind sets."""
        return {}

    def smoothed(
        self, target: Target, name: str, share: float, reduction: str | None, *, logits: bool
    ) -> Callable[[Any, Any], Any] | None:
        """The kind's own loss of smoothed labels; None where Keras's loss of that name takes `label_smoothing`."""
        return None

    def in_plain_keras(self, name: str, every: Collection[str]) -> str:
        """Keras's name of a loss or metric in a saved model, whose labels are of one form for all of them.

        Args:
            name: Keras's name of it.
            every: those of the loss and of all metrics.
        """
        return name

    def class_weights(self, target: Target) -> Callable[[Any], Any] | None:
        """How much each example counts in the loss by its class, as a function of labels; None where all count once.

        Raises:
            ConfigError: if the settings name a class that there is not.
        """
        return None

    def own_metrics(self, target: Target) -> list[Any]:
        """New Keras metrics for `figures`, named after them; `metric_values` gives what they are to count."""
        return []

    def metric_labels(self, target: Target, labels: Any) -> Any:
        """Labels in the shape that Keras's metrics take beside results."""
        return labels

    def metric_values(self, target: Target, metric: Any, labels: Any, results: Any) -> tuple[Any, Any]:
        """Labels of a batch, and its results as `results` gave them, as a Keras metric is to count them."""
        return self.metric_labels(target, labels), results

    def metric_arguments(self, target: Target, name: str) -> dict[str, Any]:
        """Arguments of a Keras metric that this kind sets where the configuration does not."""
        return {}
