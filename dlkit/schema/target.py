"""What every target is: the base of the classes in `dlkit/targets/`, and their registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from dlkit.config.phrases import count, cut
from dlkit.config.problems import Problem
from dlkit.lazy import lazy
from dlkit.schema.base import PositiveFloat
from dlkit.schema.column import ColumnSettings
from dlkit.schema.features import Feature
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.keras_objects import AnyLoss, AnyMetric, Loss, Metric
from dlkit.schema.registry import Registry

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config
    from dlkit.schema.source import BaseRows, SourceField

keras = lazy("keras")


class TargetSettings(ColumnSettings):
    """What every target has.

    A new kind is a file in `dlkit/targets/`, whose class has the file's name as `kind: Literal[...]`. It says which of
    Keras's losses and metrics fit its labels, how labels of a source become those of a batch (NumPy, on the host), how
    the outputs of the network become results (Keras ops), and how results are put into words.
    """

    group = "targets"
    # What its labels are, as messages say it: "integer classes".
    holds: ClassVar[str] = ""
    losses: ClassVar[frozenset[str]] = frozenset()
    metrics_that_fit: ClassVar[frozenset[str]] = frozenset()
    default_loss: ClassVar[str] = ""
    # Whether a share of the rows is taken from each of its classes alike.
    stratifies: ClassVar[bool] = False
    default_metrics: ClassVar[tuple[str, ...]] = ()
    # Figures of every run beside its metrics, which the saved model does not hold, since Keras has no such metric.
    own_figures: ClassVar[tuple[str, ...]] = ()
    # The losses whose labels can be smoothed.
    smoothable: ClassVar[frozenset[str]] = frozenset()
    # What `accuracy` means, by Keras's name; empty where it means nothing.
    accuracy: ClassVar[str] = ""
    # From logits to results, by Keras's name of an activation; None where they are the same.
    activation: ClassVar[str | None] = None
    # What always predicting `constant` is called.
    constant_is: ClassVar[str] = "always the same"
    # Metrics that are the same on logits as on results.
    same_on_logits: ClassVar[frozenset[str]] = frozenset()
    # Losses that see results in place of logits.
    losses_of_results: ClassVar[frozenset[str]] = frozenset()
    # Whether labels are integers, of which Keras smooths the cross-entropy in one-hot form alone.
    smoothed_as_one_hot: ClassVar[bool] = False
    # Losses and metrics that compare the outputs of one example with each other, and need several.
    within_an_example: ClassVar[frozenset[str]] = frozenset()
    from_data, instead_of_data = "classes", "state them with `classes:`"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **ColumnSettings.fields_also_called,
        "loss_weight": "weight, coefficient, task_weight",
        "class_weight": "class_weights, weights, weight, pos_weight, balance, balanced",
    }

    loss: AnyLoss | None = Field(None, description="Keras loss; by default the one that fits the kind.")
    metrics: list[AnyMetric] | None = Field(None, description="Keras metrics; by default those that fit the kind.")
    loss_weight: PositiveFloat = Field(1.0, description="Weight of this target's loss in the loss of the run.")

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """How `dlkit init` would have this kind predict a column; None where it cannot."""
        return None

    # The text phase.

    def loss_of(self, config: Config) -> Loss | None:
        """The loss that is asked for, here or at `training.loss`; None for the kind's own."""
        return self.loss if self.loss is not None else config.training.loss

    def metrics_of(self, config: Config) -> list[Metric] | None:
        """The metrics that are asked for, here or at `training.metrics`; None for the kind's own."""
        return self.metrics if self.metrics is not None else config.training.metrics

    # Labels, from a source to a batch: NumPy, on the host.

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """What the labels are, as far as columns and settings alone decide it.

        Args:
            name: of the target.
            column: its columns in the source, side by side.
            in_memory: whether whole columns are at hand, so that labels can be looked through.

        Raises:
            ConfigError: if the labels cannot be of this kind, or the settings contradict the source.
        """
        raise NotImplementedError

    def fit_stream(self, feature: Feature) -> State:
        """The state where the training rows are a stream, which is not read for it.

        Raises:
            ConfigError: if the settings have to say more.
        """
        return {}

    def encode(self, labels: Any, target: Target, place: RowPlace) -> Any:
        """Labels of a source as batches hold them: of the feature's dtype and shape, first axis the examples.

        Raises:
            RunError: naming the first row whose label cannot be used.
        """
        raise NotImplementedError

    def encode_example(self, label: Any, target: Target) -> Any:
        """As `encode`, for one example of a stream, in TensorFlow ops; a label that cannot be used stops the stream."""
        raise NotImplementedError

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
        return loss

    def scale(self, target: Target) -> tuple[Any, Any] | None:
        """Mean and deviation by which the network predicts, float32, shape (units,); None where it does not."""
        return None

    def smoothed(
        self, target: Target, share: float, reduction: str | None, *, logits: bool
    ) -> Callable[[Any, Any], Any] | None:
        """The kind's own loss of smoothed labels; None where Keras's loss takes `label_smoothing`."""
        return None

    def class_weights(self, target: Target) -> Callable[[Any], Any] | None:
        """How much each example counts in the loss by its class, as a function of labels; None where all count once.

        Raises:
            ConfigError: if the settings name a class that there is not.
        """
        return None

    def own_metrics(self, target: Target) -> list[Any]:
        """New Keras metrics for `own_figures`, named after them; `metric_values` gives what they are to count."""
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

    # Judging.

    def constant(self, target: Target, labels: Any) -> Any:
        """The outputs that fit a batch best, were they the same for every example: shape (units,), TensorFlow ops."""
        raise NotImplementedError

    def predicted(self, target: Target, logits: Any) -> Any | None:
        """The class that each example is said to have: int32, first axis the batch; None where there are no classes."""
        return None

    def chance_loss(self, target: Target) -> tuple[float, str] | None:
        """The kind's own loss of guessing, and words for it; None where nothing can be said."""
        return None

    def are_results(self, outputs: Any) -> bool:
        """Whether the outputs of an untrained network, a NumPy array, are results already, where logits should be."""
        return False

    def scaling(self, name: str) -> str:
        """A setting under which the network predicts values of about 1, as `key: value`; empty where it does."""
        return ""

    def missing(self, target: Target, labels: Any) -> list[str]:
        """The classes that none of these labels of a batch has."""
        return []

    # Other models, for comparison: NumPy, first axis the examples.

    def class_numbers(self, target: Target, labels: Any) -> Any | None:
        """The class of each example, int64, shape (examples,); None where an example has not exactly one."""
        return None

    def from_probabilities(self, target: Target, probabilities: Any) -> Any:
        """Results, as `results` gives them, of probabilities of the classes: float32, shape (examples, classes)."""
        return probabilities

    def numbers(self, target: Target, labels: Any) -> Any | None:
        """What is predicted, float64, shape (examples, units), as results have it; None where that are no numbers."""
        return None

    def unfitted(self, target: Target, base: BaseRows, rows: Any) -> dict[str, Any]:
        """Predictions that need no fitting, such as a repetition of the past.

        Args:
            target: what is predicted.
            base: the rows that the examples cover.
            rows: numbers of the examples, int64, shape (examples,).

        Returns:
            By what they are called: results as `results` gives them, float32, shape (examples, units).
        """
        return {}

    # Results in words.

    def record(self, target: Target, result: Any) -> dict[str, Any]:
        """One row of results as JSON has it: `class`, `probability` and `probabilities`, or `value`."""
        raise NotImplementedError

    def ranked(self, target: Target, result: Any, count: int = 3) -> list[tuple[str, Any]]:
        """One row of results as names and figures, the likeliest first; numbers have no names."""
        raise NotImplementedError

    def label(self, target: Target, label: Any) -> Any:
        """One label of a batch as JSON has it."""
        raise NotImplementedError

    def in_words(self, value: Any, bound: Target) -> str:
        """One label in a line."""
        label = self.label(bound, value)
        return ", ".join(map(str, label)) or "none" if isinstance(label, list) else str(label)

    def draw(self, axes: Any, label: Any, target: Target) -> None:
        """Add one label to axes of matplotlib's that show an input of its example: to the title, by default."""
        words = cut(self.in_words(label, target), 24)
        title = axes.get_title()
        axes.set_title(f"{title}, {words}" if title else words, fontsize=7, pad=2, parse_math=False)

    def compatible(self, trained: Target, given: Target) -> Iterator[Problem]:
        """What keeps a model that was trained for one target from being judged on another of the same kind."""
        yield from ()

    # For the kinds.

    def made_feature(self, name: str, shape: tuple[int | None, ...], dtype: str, classes: tuple[str, ...]) -> Feature:
        """A feature of this kind."""
        return Feature(name, self.kind, shape, dtype, tuple(classes))


TARGETS = Registry("target", TargetSettings, "kind", package="dlkit.targets")
