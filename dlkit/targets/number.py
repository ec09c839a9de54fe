"""`kind: number`: one or several numbers to be predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.base import PositiveFloat
from dlkit.schema.column import is_pattern
from dlkit.schema.fitted import SMALLEST_SPREAD, Fitted, State
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.labels import LEAVE_OUT, must_be_numbers
from dlkit.schema.target import TargetSettings
from dlkit.targets._classes import shortest

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema.features import Feature
    from dlkit.schema.source import SourceField

keras = lazy("keras")
np = lazy("numpy")
tf = lazy("tensorflow")

# Up to this many different whole numbers may be classes, for what `dlkit init` proposes.
FEW_VALUES = 100


class Scale(Fitted):
    """Mean and deviation of each number over the training rows; nothing where they are predicted as they are."""

    mean: list[float] | None = None
    deviation: list[PositiveFloat] | None = None


class NumberTarget(TargetSettings):
    """A number, or a vector of them, to be predicted."""

    state_type: ClassVar[type[Fitted]] = Scale
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **TargetSettings.fields_also_called,
        "normalize": "preprocess, standardize, scale, scaling, scaler",
    }
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
    from_data, instead_of_data = "number of columns", "list them with `columns:` instead of a pattern"
    default_loss = "mean_squared_error"
    default_metrics = ("mean_absolute_error",)
    constant_is = "mean always"
    # They mean nothing for numbers whose mean is 0: they compare ratios, logarithms or directions.
    losses_of_results = frozenset(
        {"mean_absolute_percentage_error", "mean_squared_logarithmic_error", "poisson", "cosine_similarity"}
    )
    # They compare the numbers of one example with each other.
    within_an_example = frozenset({"pearson_correlation", "concordance_correlation", "cosine_similarity"})

    kind: Literal["number"]
    unit: str | None = Field(None, description="Unit of the numbers, carried into results and reports.")
    normalize: bool = Field(
        True,
        description="Predict in units of the training rows' mean and deviation; results are in the numbers' own unit.",
    )

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Numbers; whole ones with few values may be classes."""
        if column.values.dtype.kind not in "iuf" or column.values.ndim > 2 or column.field.classes:
            return None
        if column.values.ndim == 2:
            return Guess(0.6, {"kind": "number"}, f"{column.values.shape[1]} numbers")
        different = len(column.distinct)
        few = column.whole and different <= FEW_VALUES
        doubt = f"`{column.name}` has {different} different whole numbers, which may be classes" if few else ""
        return Guess(0.6, {"kind": "number"}, "a number", doubt)

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """One number, or a vector."""
        shape = () if column.shape in (None, (1,)) else column.shape
        if len(shape) > 1 or None in shape:
            message = f"`{name}` must be one number or a vector, but its examples have the shape {list(shape)}"
            help = "flatten it in the source, or predict a part of it"
            raise ConfigError(Problem("target-shape", message, self.key_of(name), help=help))
        must_be_numbers(self, name, column)
        return self.made_feature(name, shape, "float32", ())

    def without_source(self, name: str) -> Feature | None:
        """A number for each column; None for columns of a pattern."""
        columns = self.wanted(name)
        if any(is_pattern(column) for column in columns):
            return None
        return self.made_feature(name, () if len(columns) == 1 else (len(columns),), "float32", ())

    def fit(self, labels: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """Mean and deviation of each number over the training rows."""
        values = self._floats(labels, feature, place).reshape(len(labels), -1).astype(np.float64)
        notes = lost_digits(labels.reshape(values.shape), feature)
        if not self.normalize:
            return feature, {}, notes
        deviation = values.std(axis=0)
        # What is always the same is predicted by its mean.
        state = {"mean": values.mean(axis=0).tolist(), "deviation": np.where(deviation > 0, deviation, 1).tolist()}
        return feature, state, notes

    def check_state(self, state: State, feature: Feature) -> None:
        """A mean and a deviation for each number, or neither."""
        super().check_state(state, feature)
        units = int(np.prod(feature.shape))
        if state and not len(state.get("mean") or ()) == len(state.get("deviation") or ()) == units:
            raise ValueError(f"its `mean` and `deviation` are not of {count(units, 'number')}")

    def encode(self, labels: Any, target: Target, place: RowPlace) -> Any:
        """The numbers: float32, shape (examples, ...)."""
        return self._floats(labels, target.feature, place)

    def _floats(self, labels: Any, feature: Feature, place: RowPlace) -> Any:
        place.refuse_text(labels)
        place.same_shape(labels, feature.shape)
        return place.finite(labels.reshape(len(labels), *feature.shape), help=LEAVE_OUT)

    def encode_example(self, label: Any, target: Target) -> Any:
        """The number or vector of one example: float32."""
        value = tf.cast(label, tf.float32)
        return tf.reshape(value, target.shape) if value.shape.rank != len(target.shape) else value

    def units(self, target: Target) -> int:
        """An output for each number."""
        return int(np.prod(target.shape))

    def describes_outputs(self, target: Target) -> str:
        """The width of the head in words."""
        return count(self.units(target), "output")

    def results(self, target: Target, logits: Any) -> Any:
        """Numbers in their own unit."""
        outputs = keras.ops.cast(logits, "float32")
        if not self._is_scaled(target):
            return outputs
        mean, deviation = self._scale(target)
        return outputs * deviation + mean

    def results_layers(self, target: Target) -> list[Any]:
        """A layer that gives the outputs in the numbers' own unit."""
        if not self._is_scaled(target):
            return super().results_layers(target)
        mean, deviation = self._scale(target)
        layer = keras.layers.Normalization(
            mean=mean, variance=deviation**2, invert=True, dtype="float32", name=f"{target.name}_value"
        )
        return [layer]

    def loss_function(
        self, target: Target, name: str, loss: Callable[[Any, Any], Any], *, logits: bool
    ) -> Callable[[Any, Any], Any]:
        """The loss in units of the training rows' deviation, of labels in their own unit."""
        is_scaled = self._is_scaled(target)
        mean, deviation = self._scale(target) if is_scaled else (0.0, 1.0)

        def scaled(values: Any) -> Any:
            return (values - mean) / deviation if is_scaled else values

        def of(labels: Any, outputs: Any) -> Any:
            labels = self.metric_labels(target, labels)
            if name in self.losses_of_results:
                return loss(labels, self.results(target, outputs) if logits else outputs)
            return loss(scaled(labels), outputs if logits else scaled(outputs))

        return of

    def _is_scaled(self, target: Target) -> bool:
        """Whether the network predicts in units of a mean and a deviation."""
        return bool(target.state.get("mean"))

    def _scale(self, target: Target) -> tuple[Any, Any]:
        """Mean and deviation of each number: float32, shape (units,)."""
        return tuple(np.array(target.state[name], np.float32) for name in ("mean", "deviation"))

    def scale(self, target: Target) -> tuple[Any, Any] | None:
        """That of the training rows; None where the numbers are predicted as they are."""
        return self._scale(target) if self._is_scaled(target) else None

    def metric_labels(self, target: Target, labels: Any) -> Any:
        """Labels of shape (batch, units), as results have it."""
        return keras.ops.reshape(keras.ops.cast(labels, "float32"), (-1, self.units(target)))

    def metric_values(self, target: Target, metric: Any, labels: Any, results: Any) -> tuple[Any, Any]:
        """Labels and results; for R2, which does not change thereby, less the mean of the training rows.

        Keras takes the variance as the difference of two sums of squares in float32, whatever the metric's dtype, which
        is nothing but rounding where the mean is far larger than the deviation.
        """
        labels, results = super().metric_values(target, metric, labels, results)
        if not self._is_scaled(target) or not isinstance(metric, keras.metrics.R2Score):
            return labels, results
        mean, _ = self._scale(target)
        return labels - mean, results - mean

    def constant(self, target: Target, labels: Any) -> Any:
        """The mean of the labels, as the network would give it: shape (units,)."""
        mean = tf.reduce_mean(self.metric_labels(target, labels), axis=0)
        if not self._is_scaled(target):
            return mean
        shift, deviation = self._scale(target)
        return (mean - shift) / deviation

    def numbers(self, target: Target, labels: Any) -> Any:
        """The numbers in their own unit: float64, shape (examples, units)."""
        return np.reshape(labels, (len(labels), -1)).astype(np.float64)

    def scaling(self, name: str) -> str:
        """`normalize`, where it is off."""
        return "" if self.normalize else f"`data.targets.{name}.normalize: true`"

    def record(self, target: Target, result: Any) -> dict[str, Any]:
        """The number, or numbers, as JSON has them."""
        values = [shortest(value) for value in np.reshape(result, -1)]
        return {"value": values[0] if len(values) == 1 else values}

    def ranked(self, target: Target, result: Any, count: int = 3) -> list[tuple[str, Any]]:
        """The numbers themselves."""
        return [("", value) for value in np.reshape(result, -1)]

    def summary(self, values: Any, bound: Target) -> looking.Summary:
        """The figures of the numbers, in their own unit."""
        unit: looking.Summary = [("unit", self.unit)] if self.unit else []
        return [*unit, *looking.of_numbers(values, bound.columns)]

    def in_words(self, value: Any, bound: Target) -> str:
        """The number, or the first ones, with their unit."""
        return looking.in_words(value) + (f" {self.unit}" if self.unit else "")

    def label(self, target: Target, label: Any) -> Any:
        """The number, or numbers, of a label."""
        return np.asarray(label).tolist()


def lost_digits(labels: Any, feature: Feature) -> list[str]:
    """The line about numbers whose differences float32 cannot hold.

    Args:
        labels: of the training rows, as the source has them, shape (rows, numbers).
        feature: of the target.
    """
    labels = labels.astype(np.float64)
    mean, deviation = labels.mean(axis=0), labels.std(axis=0)
    lost = (deviation > 0) & (deviation < np.abs(mean) * SMALLEST_SPREAD)
    if not lost.any():
        return []
    worst = int(np.argmax(lost))
    values = f"values about {mean[worst]:.4g} differ by {deviation[worst]:.2g}, which float32 hardly holds"
    return [f"target `{feature.name}`: {values}: subtract a constant from them in the source"]
