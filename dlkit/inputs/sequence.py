"""`kind: sequence`: time series, of one length or padded with NaN at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem
from dlkit.inputs import _numbers
from dlkit.inputs._padding import lengths_of
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.base import Positive
from dlkit.schema.features import Feature
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Recipe, Sample, batch_for, epochs_for
from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomSequenceStep
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace

    Step = StepSettings
else:
    Step = steps_for(("steps", "channels"))

np, tf = lazy("numpy"), lazy("tensorflow")


# What messages call an example and its steps.
WORDS = ("sequence", "step")
PADDED = "if it is padding, state `length:`, since no training row has any; else remove those rows or fill them in"


def _default() -> list[StepSettings]:
    return [Normalize(step="normalize")]


class SequenceInput(InputSettings):
    """Time series: steps, channels. Shorter ones are padded with NaN at their end, which changes no result."""

    also_called = "series, time_series, timeseries"
    axes = ("steps", "channels")
    usual_builder = "rnn"
    takes_ragged = True
    pictured = True

    kind: Literal["sequence"]
    length: Positive | None = Field(
        None,
        description="Steps of each sequence: longer ones are cut, shorter padded; null for the longest of training.",
    )
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
    augment: list[AnyRandomSequenceStep] = Field(
        default_factory=list, description="Random steps, applied after `preprocess`, to training batches alone."
    )

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Steps and channels, or lists of unequal lengths; the longest of all splits decides on the length."""
        one_channel = column.values.ndim == 2 and column.field.ragged
        if not (column.values.ndim == 3 or one_channel) or column.values.dtype.kind not in "biuf":
            return None
        if column.field.encoding:
            return None
        steps = max(values.shape[1] for values in (column.values, *column.others))
        channels = 1 if one_channel else column.values.shape[2]
        settings: dict[str, Any] = {"kind": "sequence"}
        reason = f"{count(steps, 'step')} of {count(channels, 'channel')}"
        if column.field.ragged:
            settings["length"] = steps
            reason = (
                f"up to {count(steps, 'step')} of {count(channels, 'channel')}; shorter ones are padded, and masked"
            )
        blocks = [
            {"filters": filters, "kernel_size": size, "padding": "same", "batch_normalization": True}
            for filters, size in ((64, 8), (128, 5), (64, 3))
        ]
        model = {"builder": "cnn", "blocks": blocks}
        training = {"optimizer": {"name": "adam", "learning_rate": 0.003}, "schedule": "cosine"}
        batch = batch_for(column.rows)
        epochs = epochs_for(column.rows, batch, 600, 8, 60)
        why = "Convolutions over the steps (arXiv 1611.06455), averaged at the end: for few sequences, too."
        recipe = Recipe(3.0, model, why, training, epochs, max(4, epochs // 4), batch)
        return Guess(0.8 if column.values.dtype.kind == "f" else 0.4, settings, reason, recipe=recipe)

    def feature(self, name: str, column: SourceField) -> Feature:
        """Steps and channels: float32."""
        shape = _numbers.shape_of(self, name, column)
        if self.length is None and shape[0] is None:
            message = f"the sequences of `{name}` differ in length, or their length is not known"
            help = "state `length:`; longer ones are cut, shorter ones padded"
            raise ConfigError(Problem("shape-unknown", message, ("data", "inputs", name), help=help))
        if self.length is not None:
            shape = (self.length, *shape[1:])
        _numbers.must_be_known(name, shape)
        return Feature(name, self.kind, shape, "float32", ragged=self.length is not None)

    def without_source(self, name: str) -> Feature | None:
        """Numbers of the stated shape."""
        return None if self.shape is None else self.feature(name, SourceField(None, "float32"))

    def random_layers(self) -> list[Any]:
        """Those of `augment`."""
        return list(self.augment)

    def fit(self, values: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """Whether training sequences are padded, and the length of the longest."""
        if values.dtype.kind != "f" or not np.isnan(values).any():
            return feature, {}, []
        lengths = lengths_of(_rows(values, feature, place), place, *WORDS)
        shortest, longest = int(lengths.min()), int(lengths.max())
        length = self.length or longest
        notes = [f"input `{feature.name}`: {shortest:,} to {longest:,} steps long, {length:,} for the network"]
        return replace(feature, shape=(length, *feature.shape[1:]), ragged=True), {}, notes

    def notes(self, values: Any, bound: Input, place: RowPlace) -> list[str]:
        """How many sequences of a split are cut."""
        length = bound.shape[0]
        if not bound.feature.ragged or length is None or values.shape[1] <= length:
            return []
        cut = int((lengths_of(_rows(values, bound.feature, place), place, *WORDS) > length).sum())
        what = f"{cut:,} of {len(values):,} sequences of `{bound.name}` are longer than {count(length, 'step')}"
        return [f"{place.split}: {what}: their ends are cut off"] if cut else []

    def notes_of_stream(self, bound: Input) -> list[str]:
        """That cut sequences are not counted."""
        if not bound.feature.ragged:
            return []
        longest = count(bound.shape[0] or 0, "step")
        what = f"sequences longer than {longest} are cut, and not counted, since the data are a stream"
        return [f"input `{bound.name}`: {what}"]

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Numbers of the feature's dtype and shape, all finite; of unequal lengths, NaN at the end alone."""
        if not feature.ragged:
            return _numbers.checked(values, feature, place, help=PADDED)
        rows = _rows(values, feature, place)
        length = feature.shape[0]
        assert length is not None
        lengths_of(rows, place, *WORDS)
        if rows.shape[1] >= length:
            return rows[:, :length]
        return np.pad(rows, [(0, 0), (0, length - rows.shape[1]), (0, 0)], constant_values=np.nan)

    def summary(self, values: Any, bound: Input) -> looking.Summary:
        """Their lengths, and the figures of each channel."""
        there = ~np.isnan(values).all(axis=2)
        lengths = there.shape[1] - there[:, ::-1].argmax(axis=1)
        found = looking.of_lengths(lengths, "steps")
        channels = values[there]
        names = (
            bound.columns if len(bound.columns) == values.shape[2] else [f"channel {n}" for n in range(values.shape[2])]
        )
        return [*found, *looking.of_numbers(channels, names)]

    def in_words(self, value: Any, bound: Input) -> str:
        """Length and first numbers."""
        there = value[~np.isnan(value).all(axis=1)]
        return f"{count(len(there), 'step')}: {looking.in_words(there)}"

    def draw(self, axes: Any, value: Any, bound: Input, *, prepared: bool) -> None:
        """A line for each channel."""
        looking.lines(axes, value)

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape; cut or padded where the length is stated.

        One of padding alone, or with NaN before its end, stops the stream.
        """
        length = feature.shape[0]
        if not feature.ragged or length is None:
            return _numbers.example(value, feature)
        value = tf.cast(value if value.shape.rank == 2 else value[..., tf.newaxis], tf.float32)[:length]
        padded = tf.pad(value, [[0, length - tf.shape(value)[0]], [0, 0]], constant_values=float("nan"))
        absent = tf.math.is_nan(padded)
        steps = tf.range(1, length + 1)
        last = tf.reduce_max(tf.where(tf.reduce_all(absent, axis=1), 0, steps))
        holes = tf.reduce_any(tf.logical_and(tf.reduce_any(absent, axis=1), steps <= last))
        right = tf.logical_and(last > 0, tf.logical_not(holes))
        message = f"input {feature.name}: a sequence is padding alone, or has NaN before its end:"
        with tf.control_dependencies([tf.debugging.Assert(right, [message, padded])]):
            return tf.ensure_shape(tf.identity(padded), feature.shape)


def _rows(values: Any, feature: Feature, place: RowPlace) -> Any:
    """Sequences of any length: float32, shape (examples, steps, channels), NaN where there is nothing.

    Raises:
        RunError: other axes or channels than in training, or infinity.
    """
    place.refuse_text(values)
    rows = values[..., np.newaxis] if values.ndim == 2 else values
    place.same_shape(rows, (None, *feature.shape[1:]))
    return place.finite(rows, nan_allowed=True)
