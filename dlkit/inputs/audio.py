"""`kind: audio`: sounds, of one length or padded with NaN at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.inputs import _numbers
from dlkit.inputs._decode_audio import SUFFIXES, Sound, decode_audio
from dlkit.inputs._sounds import columns, headers_of, lengths_of, padded, samples_of
from dlkit.lazy import lazy
from dlkit.schema import looking
from dlkit.schema.base import Positive, PositiveFloat
from dlkit.schema.features import Encoding, Feature
from dlkit.schema.fitted import State
from dlkit.schema.guess import Guess, Option, Recipe, Sample, batch_for, epochs_for
from dlkit.schema.input import InputSettings
from dlkit.schema.keras_objects import AnyRandomAudioStep
from dlkit.schema.source import SourceField
from dlkit.schema.step import StepSettings, steps_for
from dlkit.steps._frames import Frames
from dlkit.steps.log_mel import LogMel
from dlkit.steps.normalize import Normalize

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace
    from dlkit.schema import Config

    Step = StepSettings
else:
    Step = steps_for(("samples",))

np, tf = lazy("numpy"), lazy("tensorflow")


# Samples per second that speech needs.
SPEECH = 16_000
# Files whose headers are looked at for what `dlkit init` proposes.
LOOKED_AT = 1_000


def _default() -> list[StepSettings]:
    return [LogMel(step="log_mel"), Normalize(step="normalize")]


class AudioInput(InputSettings):
    """Sounds: samples of one channel, from files or arrays, of which a step makes frames by frequencies.

    Shorter ones are padded with NaN at their end, which changes no result.
    """

    also_called = "sound, wav, speech, waveform"
    axes = ("samples",)
    usual_builder = "rnn"
    takes_ragged = True
    pictured = True
    encodings = ("audio",)
    example_file = "sound.wav"
    suffixes = SUFFIXES
    augmentation = "spec_augment"
    from_data, instead_of_data = "length", "state it with `seconds:`"

    kind: Literal["audio"]
    rate: Positive = Field(SPEECH, description="Samples per second; files of another rate are brought to it.")
    seconds: PositiveFloat | None = Field(
        None, description="Length of each sound: longer ones are cut, shorter padded; null for the longest of training."
    )
    crop: Literal["centre", "start"] = Field("centre", description="What is kept of a longer sound.")
    preprocess: list[Step] = Field(default_factory=_default, description="Steps in order.")
    augment: list[AnyRandomAudioStep] = Field(
        default_factory=list, description="Random steps, applied after `preprocess`, to training batches alone."
    )

    @model_validator(mode="after")
    def _steps_know_the_rate(self) -> AudioInput:
        for step in self._frame_steps():
            step.at_rate(self.rate)
        return self

    def _frame_steps(self) -> list[Frames]:
        return [step for step in self.preprocess if isinstance(step, Frames)]

    def rules(self, name: str, config: Config) -> Iterator[Problem]:
        """One step makes frames."""
        yield from super().rules(name, config)
        if len(found := self._frame_steps()) != 1:
            message = f"{len(found)} steps make frames of a sound, and one has to"
            yield Problem(
                "contradiction", message, (*self.key_of(name), "preprocess"), label="write `[log_mel, normalize]`"
            )

    def prepared_axes(self) -> tuple[str, ...]:
        """Frames by frequencies: a sequence, or an image."""
        steps = self._frame_steps()
        return ("height", "width", "channels") if steps and steps[0].as_image else ("steps", "channels")

    def random_layers(self) -> list[Any]:
        """Those of `augment`."""
        return list(self.augment)

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Sound files."""
        if column.field.encoding not in cls.encodings:
            return None
        batch = batch_for(column.rows)
        epochs = epochs_for(column.rows, batch, 1_000, 8, 60)
        model = {"builder": "rnn", "cell": "gru", "units": [48], "bidirectional": True}
        training = {"optimizer": {"name": "adam", "learning_rate": 0.003}, "schedule": "cosine"}
        why = "A recurrent network over the frames of a sound."
        recipe = Recipe(3.5, model, why, training, epochs, max(4, epochs // 4), batch)
        reason = "sounds, as the power of frequencies over time"
        settings, options = dict[str, Any](kind="audio"), list[Option]()
        highest = max((sound.rate for sound in headers_of(column.values[:LOOKED_AT])), default=SPEECH)
        if highest < SPEECH:
            reason += f", at the {highest:,} samples per second that the files have"
            settings["rate"] = highest
        elif highest > SPEECH:
            why = f"for music and noises, of which high frequencies matter; speech needs {SPEECH:,}"
            options.append(Option("rate", min(highest, 2 * SPEECH), why))
        return Guess(0.9, settings, reason, recipe=recipe, options=tuple(options))

    def feature(self, name: str, column: SourceField) -> Feature:
        """Samples: float32. Files, and arrays that are padded, have the stated length or that of the longest."""
        samples = None if self.seconds is None else max(1, round(self.seconds * self.rate))
        if column.encoding in self.encodings:
            return Feature(name, self.kind, (samples,), "float32", ragged=True)
        _numbers.refuse_text(name, column)
        shape = column.shape if column.shape is not None else self.shape and tuple(self.shape)
        if shape is not None and len(shape) == 2 and shape[1] == 1:
            shape = shape[:1]
        if shape is not None and len(shape) != 1:
            message = f"`{name}` must be the samples of one channel, but its examples have the shape {list(shape)}"
            raise ConfigError(Problem("shape-mismatch", message, self.key_of(name), help="give the mean of channels"))
        if samples is None and (shape is None or shape[0] is None):
            message = f"the sounds of `{name}` differ in length, or their length is not known"
            help = "state `seconds:`; longer ones are cut, shorter ones padded"
            raise ConfigError(Problem("shape-unknown", message, self.key_of(name), help=help))
        return Feature(name, self.kind, (samples,) if samples else shape or (None,), "float32", ragged=bool(samples))

    def without_source(self, name: str) -> Feature | None:
        """Samples of the stated length."""
        return None if self.shape is None and self.seconds is None else self.feature(name, SourceField(None, "float32"))

    def encoding(self, bound: Input) -> Encoding:
        """Samples, which a step makes frames of."""
        return Encoding(bound.shape, "float32", self.axes, masked=bound.feature.ragged)

    # Looking at examples.

    def summary(self, values: Any, bound: Input) -> looking.Summary:
        """Their lengths in seconds, and the figures of the samples."""
        rows = list(values) if values.dtype == object else values
        lengths = np.array([np.count_nonzero(~np.isnan(row)) for row in rows]) / self.rate
        samples = np.concatenate(rows) if values.dtype == object else values
        figures = [pair for pair in looking.of_numbers(samples[..., None, None]) if pair[0] != "missing"]  # padding
        return [*looking.of_lengths(lengths, "seconds"), *figures]

    def in_words(self, value: Any, bound: Input) -> str:
        """Length and loudest sample."""
        there = value[~np.isnan(value)]
        return f"{len(there) / self.rate:.3g} s, up to {np.abs(there).max():.3g}"

    def draw(self, axes: Any, value: Any, bound: Input, *, prepared: bool) -> None:
        """The samples by time, or the frames by frequencies, the low ones below.

        What a run holds of a sound may be frames before the device stage has prepared them.
        """
        if value.ndim == 1:
            axes.plot(np.arange(len(value)) / self.rate, value, linewidth=0.5)
            looking.small_axes(axes, "seconds")
            return
        frames = value.reshape(value.shape[0], -1)
        frames = frames[~np.isnan(frames).all(axis=1)]
        axes.imshow(frames.T, aspect="auto", origin="lower", cmap="magma", interpolation="nearest")
        looking.small_axes(axes, "frame", "band")

    # Files.

    def decode(self, stored: str | bytes, feature: Feature) -> Any:
        """The samples of a file: float32, as many as the feature has, NaN at the end of a shorter one."""
        samples = feature.shape[0]
        found = decode_audio(stored, self.rate, samples, centre=self.crop == "centre")
        return found if samples is None else padded(found, samples)

    def from_file(self, path: Path, feature: Feature) -> Any:
        """The samples of a sound file, as `decode` reads them.

        Raises:
            RunError: if it is no whole sound.
        """
        try:
            return self.decode(str(path), feature)
        except ValueError as error:
            raise RunError(Problem("unusable-input", f"it is not a whole sound file: {error}")) from error

    # Arrays.

    def fit(self, values: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """The length of the longest sound, where none is stated; and what rates and channels files have."""
        if values.dtype.kind in "UO":
            headers = headers_of(values, place)
            longest = max(1, round(max(sound.seconds for sound in headers) * self.rate))
            samples = feature.shape[0] or longest
            return replace(feature, shape=(samples,)), {}, self._found(feature.name, headers)
        lengths = lengths_of(samples_of(values, place), place)
        if not feature.ragged and (lengths == values.shape[1]).all():
            return feature, {}, []
        samples = int(lengths.max()) if self.seconds is None else (feature.shape[0] or 1)
        return replace(feature, shape=(samples,), ragged=True), {}, []

    def _found(self, name: str, headers: list[Sound]) -> list[str]:
        """The line about files that are not as the model takes them."""
        rates = Counter(sound.rate for sound in headers)
        several = sum(sound.channels > 1 for sound in headers)
        parts = []
        if set(rates) != {self.rate}:
            listed = ", ".join(f"{rate:,} Hz ({count(files, 'file')})" for rate, files in rates.most_common(5))
            parts.append(f"{listed} are brought to {self.rate:,} Hz")
        if several:
            parts.append(f"{several:,} of {len(headers):,} files have several channels, whose mean is taken")
        return [f"input `{name}`: {'; '.join(parts)}"] if parts else []

    def notes(self, values: Any, bound: Input, place: RowPlace) -> list[str]:
        """How many sounds of a split are cut."""
        samples = bound.shape[0]
        if not bound.feature.ragged or samples is None:
            return []
        if values.dtype.kind in "UO":
            # Half a sample is no difference.
            cut = sum(sound.seconds * self.rate > samples + 0.5 for sound in headers_of(values, place))
        else:
            cut = int((lengths_of(samples_of(values, place), place) > samples).sum())
        what = f"{cut:,} of {len(values):,} sounds of `{bound.name}` are longer than {samples / self.rate:g} s"
        return [f"{place.split}: {what}: their {self.crop} is kept"] if cut else []

    def notes_of_stream(self, bound: Input) -> list[str]:
        """That cut sounds are not counted."""
        if not bound.feature.ragged:
            return []
        what = (
            f"longer than {(bound.shape[0] or 0) / self.rate:g} s are cut, and not counted, since the data are a stream"
        )
        return [f"input `{bound.name}`: sounds {what}"]

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Samples of arrays: float32, all finite but for NaN at the end; whole numbers become -1 to 1."""
        rows, samples = samples_of(values, place), feature.shape[0]
        lengths = lengths_of(rows, place)
        if not feature.ragged:
            if rows.shape[1] != samples or (lengths < rows.shape[1]).any():
                message = f"sounds have up to {rows.shape[1]:,} samples, and {samples:,} are expected"
                raise place.run_error("shape-mismatch", message, "state `seconds:`, which cuts and pads them")
            return rows
        assert samples is not None
        if rows.shape[1] < samples:
            rows = np.pad(rows, [(0, 0), (0, samples - rows.shape[1])], constant_values=np.nan)
        start = np.maximum(0, (lengths - samples) // 2) if self.crop == "centre" else np.zeros_like(lengths)
        return rows[:, :samples] if not start.any() else rows[np.arange(len(rows))[:, None], columns(start, samples)]

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream, of the feature's dtype and shape; cut or padded where the length is stated."""
        samples = feature.shape[0]
        if not feature.ragged or samples is None:
            return _numbers.example(value, feature)
        value = tf.cast(tf.reshape(value, [-1]), tf.float32)
        value = value[: tf.reduce_sum(tf.cast(~tf.math.is_nan(value), tf.int32))]
        start = tf.maximum(0, (tf.size(value) - samples) // 2) if self.crop == "centre" else 0
        value = value[start : start + samples]
        return tf.ensure_shape(
            tf.pad(value, [[0, samples - tf.size(value)]], constant_values=float("nan")), feature.shape
        )
