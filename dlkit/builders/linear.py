"""`builder: linear`: no hidden layer: logistic and ridge regression, and NLinear and DLinear for forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders import _masked
from dlkit.builders._inputs import joined, must_be_inputs
from dlkit.builders._weights import WeightSettings
from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.encoded import Encoded, as_vector
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Positive
from dlkit.schema.builder import BuilderSettings
from dlkit.targets.forecast import ForecastTarget

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.schema import Config

# Steps that leave most values as they are.
SAME_UNIT = ("clip",)
layers, ops = lazy("keras.layers"), lazy("keras.ops")


class Linear(BuilderSettings, WeightSettings):
    """A linear model: the heads alone. A forecast continues each channel from its own past, all with the same weights.

    The first channels of the series are those that are forecast; further ones, and other inputs, are added as vectors.
    """

    also_called = "nlinear, dlinear, logistic, logistic_regression, ridge, linear_regression, regression"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **WeightSettings.fields_also_called,
        "kind": "type, variant, model",
        "kernel_regularizer": f"{WeightSettings.fields_also_called['kernel_regularizer']}, weight_decay",
        "window": "kernel_size, moving_average, kernel",
        "input": "inputs, reads, of, series",
    }
    cost = "dense"

    builder: Literal["linear"]
    kind: Literal["nlinear", "dlinear", "plain"] | None = Field(
        None,
        description="How a series is continued: `nlinear` takes its last value off and adds it to the forecast, "
        "`dlinear` has weights of their own for its moving average and for the rest, `plain` does neither; by default "
        "`nlinear`.",
    )
    window: Positive = Field(25, description="Steps of the moving average of `dlinear`.")
    input: str | None = Field(None, description="The series that forecasts continue; by default the first that fits.")

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """All inputs as vectors, side by side.

        Args:
            inputs: of any kind and shape.

        Returns:
            Features, float, shape (batch, features).
        """
        return joined([], list(inputs.values()))

    def head(self, target: Target, **arguments: Any) -> Any:
        """A head, whose weights are as the settings ask for."""
        return super().head(target, **arguments, **self.of_weights(MODEL))

    def logits(self, inputs: Mapping[str, Encoded], targets: Mapping[str, Target]) -> dict[str, Any]:
        """A head for each target; forecasts continue a series, where there is one with their channels.

        Raises:
            ConfigError: if a series is to be continued, and there is none, or nothing to forecast.
        """
        forecasts = {name: target for name, target in targets.items() if len(target.shape) == 2}
        series = self._series(inputs, forecasts)
        if series is None:
            return super().logits(inputs, targets)
        vectors = {name: as_vector(given, flatten=f"{name}_flatten") for name, given in inputs.items()}
        features, others = joined(list(vectors.values())), [x for name, x in vectors.items() if name != series.name]
        return {
            name: self._forecast(series, others, target) if name in forecasts else self.head(target)(features)
            for name, target in targets.items()
        }

    def rules(self, config: Config) -> Iterator[Problem]:
        """The series is one of the inputs, in the unit of what it is added to."""
        if self.input is not None:
            yield from must_be_inputs([(self.input, ("model", "input"))], config)
        series = [
            n for n, x in config.data.inputs.items() if x.axes == ("steps", "channels") and self.input in (None, n)
        ]
        if not series or self.kind not in (None, "nlinear"):
            return
        steps = [step.step for step in config.data.inputs[series[0]].preprocess if step.step not in SAME_UNIT]
        for name, target in config.data.targets.items():
            if isinstance(target, ForecastTarget) and steps != ["normalize"] * target.normalize:
                message = (
                    f"the last value of `{series[0]}` is added to the forecast of `{name}`, and is in another unit"
                )
                wanted = "[normalize]" if target.normalize else "[]"
                help = f"write `preprocess: {wanted}`, as `{name}` is predicted, or `kind: dlinear` for the model"
                key = ("data", "inputs", series[0], "preprocess")
                yield Problem("units-differ", message, key, help=help, severity="warning")

    def _series(self, inputs: Mapping[str, Encoded], forecasts: Mapping[str, Target]) -> Encoded | None:
        """The input that forecasts continue; None where there is none, and none was asked for."""
        channels = max((target.shape[1] or 1 for target in forecasts.values()), default=0)
        named = inputs if self.input is None else {self.input: inputs[self.input]}
        fit = [x for x in named.values() if x.encoding.axes == ("steps", "channels") and x.tensor.shape[-1] >= channels]
        asked = next((name for name in ("kind", "input") if getattr(self, name) is not None), None)
        if asked and not (fit and forecasts):
            what = f"`{self.input}` is no series" if self.input else "no input is a series"
            message = f"{what} of {count(channels, 'channel')}" if forecasts else "no target is a forecast of steps"
            help = "leave it out for a head on all inputs side by side"
            raise ConfigError(
                Problem("contradiction", f"there is nothing to continue: {message}", ("model", asked), help=help)
            )
        return fit[0] if fit and forecasts else None

    def _forecast(self, series: Encoded, others: list[Any], target: Target) -> Any:
        """One dense layer over time for all channels (Zeng et al., "Are transformers effective for time series
        forecasting?", AAAI 2023), and a head on what is beside them.

        Returns:
            Float32, shape (batch, units): of each step those of every channel, of each of them every quantile.
        """
        channels = target.shape[1]
        x, last = _held(series)
        own, last, beside = x[..., :channels], last[..., :channels], x[..., channels:]
        if self.kind == "plain":
            y = self._over_time(own, target, "forecast")
        elif self.kind == "dlinear":
            average = moving_average(own, self.window)
            y = self._over_time(average, target, "average") + self._over_time(own - average, target, "rest")
        else:
            y = self._over_time(own - last, target, "forecast") + ops.expand_dims(last, -1)
        y = ops.reshape(y, (-1, target.units))
        if beside.shape[-1]:
            others = [ops.reshape(beside, (-1, beside.shape[1] * beside.shape[2])), *others]
        return y + self.head(target)(ops.concatenate(others, axis=-1)) if others else y

    def _over_time(self, x: Any, target: Target, what: str) -> Any:
        """The steps of a target from those of a series, by one dense layer for all channels.

        Returns:
            Float32, shape (batch, steps, channels, quantiles).
        """
        steps, channels = (size or 1 for size in target.shape)
        units = target.units // channels
        dense = layers.Dense(units, name=f"{target.name}_{what}", dtype="float32", **self.of_weights(MODEL))
        y = origin(dense, target.key)(ops.swapaxes(x, 1, 2))
        return ops.swapaxes(ops.reshape(y, (-1, channels, steps, units // steps)), 1, 2)


def moving_average(x: Any, window: int) -> Any:
    """The mean of the steps around each step, where the first and last step stand for what lies beyond them.

    Args:
        x: float, shape (batch, steps, channels).
        window: steps of the mean.

    Returns:
        Float, of the same shape.
    """
    before = (window - 1) // 2
    ends = [ops.repeat(x[:, :1], before, axis=1), x, ops.repeat(x[:, -1:], window - 1 - before, axis=1)]
    return ops.average_pool(ops.concatenate(ends, axis=1), window, strides=1)


def _held(series: Encoded) -> tuple[Any, Any]:
    """The steps of a series, of which the last that is there stands for those after it, and that last step."""
    x, mask = series.tensor, series.mask
    if mask is None:
        return x, x[:, -1:]
    after = ops.expand_dims(ops.sum(ops.cast(mask, "int32"), axis=1), -1)
    here = ops.cast(ops.equal(ops.arange(x.shape[1]) + 1, after), x.dtype)
    last = ops.sum(x * ops.expand_dims(here, -1), axis=1, keepdims=True)
    return _masked.filled(x, mask, last), last
