"""From the outputs of a network to numbers: in their own unit, above 0 if asked for, and quantiles of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dlkit.config.problems import Problem
from dlkit.lazy import lazy
from dlkit.schema.target import TargetSettings

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.schema import Config

keras = lazy("keras")
np = lazy("numpy")
tf = lazy("tensorflow")

# Figures of quantiles: the error of the middle one, and the share of labels between the lowest and the highest.
MIDDLE_ERROR, COVERAGE = "mean_absolute_error", "coverage"

Share = Annotated[float, Field(gt=0, lt=1)]


class NumberOutputs(TargetSettings):
    """A target of numbers, whose outputs are in units of their mean and deviation."""

    # They mean nothing for numbers whose mean is 0: they compare ratios, logarithms or directions.
    of_results = frozenset(
        {"mean_absolute_percentage_error", "mean_squared_logarithmic_error", "poisson", "cosine_similarity"}
    )

    normalize: bool = Field(
        True,
        description="Predict in units of the training rows' mean and deviation; results are in the numbers' own unit.",
    )
    positive: bool = Field(
        False,
        description="Predict numbers above 0, such as counts, times and prices: the network gives their logarithm.",
    )
    quantiles: Annotated[list[Share], Field(min_length=1)] | None = Field(
        None,
        description="Predict these quantiles of each number, as in `[0.1, 0.5, 0.9]`, by the pinball loss; null for "
        "one value.",
    )

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """Quantiles rise, and have a loss and figures of their own; a loss of logarithms needs numbers above 0."""
        yield from super().rules(name, config)
        quantiles = self.quantiles or []
        for number, (before, after) in enumerate(pairwise(quantiles), 1):
            if after <= before:
                message = f"the quantiles of `{name}` must rise: {after:g} follows {before:g}"
                key = (*self.key_of(name), "quantiles", number)
                label = f"must be greater than {before:g}"
                yield Problem("contradiction", message, key, label=label, help=f"write {sorted(set(quantiles))}")
        loss = self.loss_of(config)
        for what, given in (("loss", loss), ("metrics", self.metrics_of(config))):
            if quantiles and given is not None:
                key = (*self.key_of(name), what) if getattr(self, what) is not None else ("training", what)
                message = f"`quantiles` of `{name}` have {what} of their own: {', '.join(self._own(what))}"
                yield Problem("contradiction", message, key, label="remove it", help="or leave `quantiles` out")
        if loss is not None and loss.name == "poisson" and not (self.positive or quantiles):
            message = f"`poisson` takes the logarithm of what is predicted, and that of `{name}` may be below 0"
            help = f"write `positive: true` at `data.targets.{name}`"
            key = (*self.key_of(name), "loss") if self.loss is not None else ("training", "loss")
            yield Problem("contradiction", message, key, help=help)

    def _own(self, what: str) -> tuple[str, ...]:
        return (self.own_loss_name,) if what == "loss" else self.figures

    # What is predicted of each number.

    @property
    def each(self) -> int:
        """Outputs for each number."""
        return len(self.quantiles or [0.5])

    @property
    def _middle(self) -> int:
        """The position of the quantile nearest to the median."""
        return int(np.argmin(np.abs(np.array(self.quantiles or [0.5]) - 0.5)))

    def count(self, target: Target) -> int:
        """Numbers that are predicted, each of which may have several quantiles."""
        return int(np.prod(target.shape))

    def units(self, target: Target) -> int:
        """An output for each number, or for each of its quantiles."""
        return self.count(target) * self.each

    def by_quantile(self, target: Target, result: Any) -> dict[str, Any]:
        """One row of results by word: `value`, that of the middle quantile, and `q10`, `q50` and such."""
        every = np.reshape(result, (self.count(target), self.each))
        found = {"value": every[:, self._middle]}
        return found | {f"q{100 * share:g}": every[:, n] for n, share in enumerate(self.quantiles or ())}

    def from_numbers(self, target: Target, numbers: Any) -> Any:
        """Results of models that predict one value: float32, shape (examples, units)."""
        return np.repeat(np.asarray(numbers, np.float32).reshape(len(numbers), -1), self.each, axis=1)

    # Units.

    def _is_scaled(self, target: Target) -> bool:
        """Whether the network predicts in units of a mean and a deviation."""
        return bool(target.state.get("mean"))

    def _scale(self, target: Target) -> tuple[Any, Any]:
        """Mean and deviation of each number: float32, shape (numbers,)."""
        return tuple(np.array(target.state[name], np.float32) for name in ("mean", "deviation"))

    def scale(self, target: Target) -> tuple[Any, Any] | None:
        """That of the training rows; None where the numbers are predicted as they are."""
        return self._of_outputs(target) if self._is_scaled(target) else None

    def _of_outputs(self, target: Target) -> tuple[Any, Any]:
        """Mean and deviation of the number of each output; 0 and 1 where these are predicted as they are."""
        if not self._is_scaled(target):
            return np.zeros(self.units(target), np.float32), np.ones(self.units(target), np.float32)
        mean, deviation = (np.repeat(values, self.each) for values in self._scale(target))
        return mean, deviation

    def _unit(self, target: Target) -> Any:
        """What numbers above 0 are multiples of, for each output: the mean of the training rows."""
        mean, _ = self._of_outputs(target)
        return np.where(mean > 0, mean, 1).astype(np.float32)

    def results(self, target: Target, logits: Any) -> Any:
        """Numbers in their own unit; quantiles in rising order, so that none crosses another.

        Sorting takes nothing away: the loss of sorted quantiles is at most that of the others (Chernozhukov et al.,
        "Quantile and probability curves without crossing", Econometrica 78(3), 2010).
        """
        outputs = keras.ops.cast(logits, "float32")
        if self.each > 1:
            shape = (-1, *outputs.shape[1:-1])
            every = keras.ops.reshape(outputs, (*shape, self.count(target), self.each))
            outputs = keras.ops.reshape(keras.ops.sort(every, axis=-1), (*shape, self.units(target)))
        if self.positive:
            return keras.ops.exp(outputs) * self._unit(target)
        if not self._is_scaled(target):
            return outputs
        mean, deviation = self._of_outputs(target)
        return outputs * deviation + mean

    def results_layers(self, target: Target) -> list[Any]:
        """Layers and Keras ops that give the outputs in the numbers' own unit."""
        if self.each > 1 or self.positive:
            return [lambda outputs: self.results(target, outputs)]
        if not self._is_scaled(target):
            return super().results_layers(target)
        mean, deviation = self._of_outputs(target)
        layer = keras.layers.Normalization(
            mean=mean, variance=deviation**2, invert=True, dtype="float32", name=f"{target.name}_value"
        )
        return [layer]

    def as_outputs(self, target: Target, values: Any) -> Any:
        """The outputs of a network that gives these numbers: TensorFlow ops, shape (units,).

        Args:
            target: what is predicted.
            values: in their own unit, float32, shape (units,).
        """
        if self.positive:
            return tf.math.log(tf.maximum(values / self._unit(target), 1e-6))
        mean, deviation = self._of_outputs(target)
        return (values - mean) / deviation if self._is_scaled(target) else values

    # Losses and metrics.

    @property
    def own_loss_name(self) -> str:
        """The loss of quantiles, which Keras does not have."""
        return "pinball" if self.quantiles else ""

    @property
    def usual_metrics(self) -> tuple[str, ...]:
        """Those of the kind; quantiles have figures of their own."""
        return () if self.quantiles else super().usual_metrics

    @property
    def figures(self) -> tuple[str, ...]:
        """Those of the kind; of quantiles the error of the middle one, and of several the share between them."""
        of_quantiles = (MIDDLE_ERROR, COVERAGE)[: min(self.each, 2)] if self.quantiles else ()
        return (*of_quantiles, *super().figures)

    @property
    def constant_words(self) -> str:
        """The same quantiles for all, or one value."""
        return "quantiles always" if self.quantiles else super().constant_words

    def own_loss(self, target: Target, *, logits: bool) -> Callable[[Any, Any], Any]:
        """The pinball loss of all quantiles, in units of the training rows' deviation: shape (batch,)."""
        shares = np.array(self.quantiles, np.float32)
        mean, deviation = self._of_outputs(target)

        def pinball(labels: Any, outputs: Any) -> Any:
            results = self.results(target, outputs) if logits else outputs
            labels = keras.ops.repeat(self.metric_labels(target, labels), self.each, axis=-1)
            over = (labels - mean) / deviation - (results - mean) / deviation
            share = np.tile(shares, self.count(target))
            return keras.ops.mean(keras.ops.maximum(share * over, (share - 1) * over), axis=-1)

        return pinball

    def loss_function(
        self, target: Target, name: str, loss: Callable[[Any, Any], Any], *, logits: bool
    ) -> Callable[[Any, Any], Any]:
        """The loss in units of the training rows' deviation, of labels in their own unit."""
        is_scaled = self._is_scaled(target)
        mean, deviation = self._of_outputs(target) if is_scaled else (0.0, 1.0)

        def scaled(values: Any) -> Any:
            return (values - mean) / deviation if is_scaled else values

        def of(labels: Any, outputs: Any) -> Any:
            labels = self.metric_labels(target, labels)
            if name in self.of_results:
                return loss(labels, self.results(target, outputs) if logits else outputs)
            if logits and self.positive:
                return loss(scaled(labels), scaled(self.results(target, outputs)))
            return loss(scaled(labels), outputs if logits else scaled(outputs))

        return of

    def own_metrics(self, target: Target) -> list[Any]:
        """The error of the middle quantile, and the share of labels between the lowest and the highest."""
        made = {MIDDLE_ERROR: keras.metrics.MeanAbsoluteError, COVERAGE: keras.metrics.Accuracy}
        return [made[name](name=name) for name in self.figures if name in made] if self.quantiles else []

    def metric_labels(self, target: Target, labels: Any) -> Any:
        """Labels of shape (batch, numbers), as results of one value have it."""
        return keras.ops.reshape(keras.ops.cast(labels, "float32"), (-1, self.count(target)))

    def metric_values(self, target: Target, metric: Any, labels: Any, results: Any) -> tuple[Any, Any]:
        """Labels and results, of quantiles the middle one; for R2, which does not change thereby, less the mean of the
        training rows.

        Keras takes the variance as the difference of two sums of squares in float32, whatever the metric's dtype, which
        is nothing but rounding where the mean is far larger than the deviation.
        """
        labels, results = super().metric_values(target, metric, labels, results)
        if self.quantiles:
            every = keras.ops.reshape(results, (-1, self.count(target), self.each))
            if metric.name == COVERAGE:
                between = keras.ops.logical_and(labels >= every[..., 0], labels <= every[..., -1])
                return keras.ops.ones_like(labels), keras.ops.cast(between, "float32")
            return labels, every[..., self._middle]
        if not self._is_scaled(target) or not isinstance(metric, keras.metrics.R2Score):
            return labels, results
        mean, _ = self._of_outputs(target)
        return labels - mean, results - mean

    def constant(self, target: Target, labels: Any) -> Any:
        """The mean of the labels, or their quantiles, as the network would give them: shape (units,)."""
        values = self.metric_labels(target, labels)
        if not self.quantiles:
            return self.as_outputs(target, tf.reduce_mean(values, axis=0))
        last = tf.cast(tf.shape(values)[0] - 1, tf.float32)
        places = tf.cast(np.array(self.quantiles, np.float32) * last, tf.int32)
        # Shape (quantiles, numbers), of which the outputs have all of a number side by side.
        of_each = tf.gather(tf.sort(values, axis=0), places)
        return self.as_outputs(target, tf.reshape(tf.transpose(of_each), (-1,)))
