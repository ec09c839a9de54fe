"""`kind: forecast`: the next steps of one or several channels of a time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.base import Positive, PositiveFloat
from dlkit.schema.features import Feature
from dlkit.schema.fitted import Fitted, Size, State
from dlkit.schema.guess import Guess, Recipe, Sample, epochs_for
from dlkit.schema.labels import must_be_numbers
from dlkit.schema.target import TargetSettings
from dlkit.targets import _naive
from dlkit.targets._classes import shortest
from dlkit.targets.number import NumberTarget, Scale, lost_digits

if TYPE_CHECKING:
    from dlkit.data.bound import Target
    from dlkit.data.values import RowPlace
    from dlkit.schema.source import BaseRows, SourceField

keras, np, tf = lazy("keras"), lazy("numpy"), lazy("tensorflow")

# The figure that every run has: the mean absolute scaled error (Hyndman and Koehler, "Another look at measures of
# forecast accuracy", International Journal of Forecasting 22(4), 2006).
MASE = "mase"


class Forecasts(Scale):
    """Mean and deviation of each channel, and what its errors are compared with.

    Attributes:
        season: steps after which the series is like itself.
        differences: of each channel, how far it is on average from its value a season before; None where that is not
            known, and errors are compared with nothing.
    """

    season: Size
    differences: list[PositiveFloat] | None = None


class ForecastTarget(NumberTarget):
    """The next steps of one or several channels of a time series.

    `mase` is the mean absolute error divided by that of a forecast which repeats the season before, over the training
    rows, in each channel: below 1 is better than that forecast is there.
    """

    state_type: ClassVar[type[Fitted]] = Forecasts
    also_called = "timeseries, time_series, horizon, future, multi_step"
    holds = "the next steps of a time series"
    from_data, instead_of_data = "number of steps", "list a column for each step with `columns:`"
    # An outlier should count as what it is, not as its square.
    default_loss = "mean_absolute_error"
    pictured = True
    own_figures = (MASE,)
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **NumberTarget.fields_also_called,
        "season": "seasonality, period, season_length, seasonal_period, frequency, freq",
    }

    kind: Literal["forecast"]  # type: ignore[assignment]
    season: Positive | None = Field(
        None,
        description="Steps after which the series is like itself, as 12 of months; by default what the source makes "
        "of its timestamps, else 1.",
    )

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Steps and channels. Linear networks do better than larger ones on most series (arXiv 2205.13504)."""
        if column.values.ndim != 3 or column.values.dtype.kind not in "iuf":
            return None
        steps, channels = column.values.shape[1:]
        model = {"builder": "mlp", "dense": [32], "activation": "linear"}
        why = "A linear network: on most series it forecasts better than deeper ones, and it learns from few windows."
        training = {"optimizer": {"name": "adam", "learning_rate": 0.005}, "schedule": "cosine"}
        recipe = Recipe(9.0, model, why, training, epochs_for(column.rows, 32, 900, 10, 300), None)
        reason = f"the next {count(steps, 'step')}" + (f" of {channels} channels" if channels > 1 else "")
        return Guess(0.9, {"kind": "forecast"}, reason, recipe=recipe)

    def feature(self, name: str, column: SourceField, *, in_memory: bool) -> Feature:
        """Steps and channels."""
        shape = column.shape or ()
        if len(shape) not in (1, 2) or None in shape:
            message = f"`{name}` must be steps, or steps and channels, but its examples have the shape {list(shape)}"
            help = "use `kind: number` for a single number; `source: {kind: timeseries}` cuts series into windows"
            raise ConfigError(Problem("target-shape", message, self.key_of(name), help=help))
        must_be_numbers(self, name, column)
        return self.made_feature(name, (*shape, 1)[:2], "float32", ())

    def without_source(self, name: str) -> Feature | None:
        """A step for each column that is listed; None where that says nothing."""
        feature = super().without_source(name)
        return (
            None
            if feature is None or not feature.shape
            else self.made_feature(name, (*feature.shape, 1), "float32", ())
        )

    def fit(self, labels: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """Mean and deviation of each channel over the training rows, and how far it is from the season before."""
        values = self._floats(labels, feature, place)
        state: dict[str, Any] = {}
        notes = lost_digits(labels.reshape(-1, values.shape[2]), feature)
        if self.normalize:
            channels = values.reshape(-1, values.shape[2]).astype(np.float64)
            deviation = channels.std(axis=0)
            # What is always the same is predicted by its mean.
            state = {
                "mean": channels.mean(axis=0).tolist(),
                "deviation": np.where(deviation > 0, deviation, 1).tolist(),
            }
        bases = [(base, rows) for base, rows in place.base() if place.column in base.values]
        season = self.season or max((base.season for base, _ in bases), default=1)
        differences = _differences(bases, place.column, season) if bases else _within(values, season)
        note = _why_not_compared(differences, season)
        if note:
            notes = [*notes, f"target `{feature.name}`: there is no `{MASE}`: {note}"]
            return feature, {**state, "season": season}, notes
        return feature, {**state, "season": season, "differences": differences.tolist()}, notes

    def check_state(self, state: State, feature: Feature) -> None:
        """A mean, a deviation and a difference for each channel, or none."""
        TargetSettings.check_state(self, state, feature)
        for name in ("mean", "deviation", "differences"):
            if state.get(name) is not None and len(state[name]) != feature.shape[-1]:
                raise ValueError(f"its `{name}` is not of {feature.shape[-1]} channels")
        if (state.get("mean") is None) != (state.get("deviation") is None):
            raise ValueError("its `mean` and `deviation` do not belong together")

    def fit_stream(self, feature: Feature) -> State:
        """Nothing but the season: the rows of a stream are not read for the rest."""
        return {"season": self.season or 1}

    def describes_outputs(self, target: Target) -> str:
        """The width of the head in words."""
        steps, channels = target.shape
        return f"{steps} steps" + (f" of {channels} channels" if channels != 1 else "")

    def _scale(self, target: Target) -> tuple[Any, Any]:
        """Mean and deviation of each number, those of its channel: float32, shape (steps * channels,)."""
        return tuple(self._of_steps(target, name) for name in ("mean", "deviation"))

    def _of_steps(self, target: Target, name: str) -> Any:
        """What was fitted of each channel, for each number."""
        return np.tile(np.array(target.state[name], np.float32), target.shape[0])

    def own_metrics(self, target: Target) -> list[Any]:
        """MASE, where the season before is known."""
        known = bool(target.state.get("differences"))
        return [*super().own_metrics(target), *([keras.metrics.MeanAbsoluteError(name=MASE)] if known else [])]

    def metric_values(self, target: Target, metric: Any, labels: Any, results: Any) -> tuple[Any, Any]:
        """As for numbers; for MASE in units of the difference from the season before."""
        labels, results = super().metric_values(target, metric, labels, results)
        if metric.name != MASE:
            return labels, results
        unit = self._of_steps(target, "differences")
        return labels / unit, results / unit

    def unfitted(self, target: Target, base: BaseRows, rows: Any) -> dict[str, Any]:
        """The season before, and the same with the growth of the last year or season."""
        found = _naive.forecasts(base, rows, target.columns[0], target.state["season"])
        return {name: self.from_numbers(target, numbers) for name, numbers in found.items()}

    def constant(self, target: Target, labels: Any) -> Any:
        """The median of each output, or its mean where the loss is of squares: shape (units,)."""
        if self.quantiles or (self.loss is not None and self.loss.name != "mean_absolute_error"):
            return super().constant(target, labels)
        values = tf.sort(self.metric_labels(target, labels), axis=0)
        return self.as_outputs(target, values[(tf.shape(values)[0] - 1) // 2])

    def summary(self, values: Any, bound: Target) -> looking.Summary:
        """How many steps, and the figures of each channel over all of them."""
        steps, channels = bound.shape
        names = [f"channel {n}" for n in range(channels or 0)]
        return [("steps", steps), *looking.of_numbers(values.reshape(-1, channels), names)]

    def in_words(self, value: Any, bound: Target) -> str:
        """Its first numbers."""
        return looking.in_words(value)

    def draw(self, axes: Any, label: Any, target: Target) -> None:
        """A line for each channel, which continues those that are there."""
        looking.lines(axes, np.reshape(label, target.shape), color="C3", marker=".", markersize=2)

    def record(self, target: Target, result: Any) -> dict[str, Any]:
        """The steps as JSON has them: a number each, or a list of numbers where there are several channels."""
        every = {word: np.reshape(values, target.shape) for word, values in self.by_quantile(target, result).items()}
        return {
            word: _of_one_channel([[shortest(value) for value in step] for step in steps])
            for word, steps in every.items()
        }

    def label(self, target: Target, label: Any) -> Any:
        """The steps of a label likewise."""
        return _of_one_channel(np.reshape(label, target.shape).tolist())


def _differences(bases: list[tuple[BaseRows, Any]], column: str, season: int) -> Any:
    """The mean absolute difference of each channel from a season before, over all base rows of the training rows.

    Returns:
        float64, shape (channels,); NaN where no two rows lie a season apart.
    """
    total, count = 0.0, 0
    by_base: dict[int, tuple[BaseRows, list[Any]]] = {}
    for base, rows in bases:
        by_base.setdefault(id(base), (base, []))[1].append(rows)
    for base, parts in by_base.values():
        edges = np.zeros(len(base.series) + 1, np.int64)
        for rows in parts:
            np.add.at(edges, base.first[rows], 1)
            np.add.at(edges, base.first[rows] + base.span, -1)
        covered = np.cumsum(edges)[:-1] > 0
        pairs = covered[season:] & covered[:-season] & (base.series[season:] == base.series[:-season])
        values = base.values[column].astype(np.float64)
        total += np.abs(values[season:] - values[:-season])[pairs].sum(axis=0)
        count += int(pairs.sum())
    return total / count if count else np.full(1, np.nan)


def _within(values: Any, season: int) -> Any:
    """The same over what each row of labels holds, where the source says no more."""
    if season >= values.shape[1]:
        return np.full(1, np.nan)
    return np.abs(values[:, season:].astype(np.float64) - values[:, :-season]).mean(axis=(0, 1))


def _why_not_compared(differences: Any, season: int) -> str:
    """Why errors cannot be divided by these differences; empty where they can."""
    if np.isnan(differences).any():
        return f"no two steps of the training rows that the source knows of are {season:,} apart (`season`)"
    return "" if (differences > 0).all() else f"a channel is always what it was {season:,} steps before (`season`)"


def _of_one_channel(steps: list[list[Any]]) -> list[Any]:
    return [step[0] for step in steps] if len(steps[0]) == 1 else steps
