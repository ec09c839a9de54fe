"""Frames of a sound and what frequencies they hold, in Keras layers that the saved model has too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr

from dlkit.config.problems import Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.base import PositiveFloat
from dlkit.schema.features import Encoding
from dlkit.schema.fitted import State
from dlkit.schema.step import StepSettings

if TYPE_CHECKING:
    from dlkit.schema import Config

keras, np, ops = lazy("keras"), lazy("numpy"), lazy("keras.ops")
# Added to power before the logarithm: far below speech, and above the rounding of 16 bits.
FLOOR = 1e-6


class Frames(StepSettings):
    """What `spectrogram` and `log_mel` share: how a sound is cut into frames, and their power by frequency."""

    needs_axes = ("samples",)
    host = True
    example = True  # a convolution adds up in another order by the size of the batch

    window: PositiveFloat = Field(0.03, description="Seconds of each frame, which a Hann window weighs.")
    every: PositiveFloat = Field(0.01, description="Seconds from one frame to the next.")
    as_image: bool = Field(
        False, description="Give the network an image of one channel, for a `cnn`, and silence for padding."
    )
    # Samples per second, which the input sets.
    _rate: int = PrivateAttr(default=16_000)

    def at_rate(self, rate: int) -> None:
        """Say how many samples a second has."""
        self._rate = rate

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self._rate

    @property
    def bands(self) -> int:
        """Numbers of each frame."""
        raise NotImplementedError

    @property
    def length(self) -> int:
        """Samples of a frame."""
        return max(2, round(self.window * self.rate))

    @property
    def stride(self) -> int:
        """Samples from one frame to the next."""
        return max(1, round(self.every * self.rate))

    @property
    def size(self) -> int:
        """Samples of the Fourier transform: a power of two that holds a frame."""
        return 1 << (self.length - 1).bit_length()

    def rules(self, key: Key, config: Config) -> Iterator[Problem]:
        """Frames leave nothing out."""
        if self.every > self.window:
            message = f"frames of {self.window:g} s every {self.every:g} s leave out what lies between them"
            yield Problem("contradiction", message, (*key, self.step, "every"), label="at most as long as `window`")

    def encoding(self, before: Encoding) -> Encoding:
        """Frames by frequencies: a sequence, or an image."""
        samples = before.shape[0]
        frames = None if samples is None else max(1, 1 + (samples - self.length) // self.stride)
        if self.as_image:
            axes = ("height", "width", "channels")
            return replace(before, shape=(frames, self.bands, 1), dtype="float32", axes=axes, masked=False)
        return replace(before, shape=(frames, self.bands), dtype="float32", axes=("steps", "channels"))

    def power_to_features(self) -> list[Any]:
        """Keras layers, or functions of Keras ops, from power by frequency to what the network sees."""
        raise NotImplementedError

    def layer(self, state: State | None) -> Any:
        """keras.layers.STFTSpectrogram, and what follows it; frames of padding alone are NaN, or silence."""
        with_magnitudes = keras.layers.STFTSpectrogram(
            mode="magnitude",
            frame_length=self.length,
            frame_step=self.stride,
            fft_length=self.size,
            window="hann",
            periodic=True,
            scaling=None,
            dtype="float32",
            trainable=False,
        )
        after = self.power_to_features()

        def features(x: Any) -> Any:
            x = ops.cast(x, "float32")
            if x.shape[1] is not None and x.shape[1] < self.length:
                x = ops.pad(x, [[0, 0], [0, self.length - x.shape[1]]])
            missing = ops.isnan(x)
            sound = ops.where(missing, ops.zeros_like(x), x)
            y = ops.square(with_magnitudes(ops.expand_dims(sound, -1)))
            for function in after:
                y = function(y)
            if self.as_image:
                return ops.expand_dims(y, -1)
            # A frame is there where its first sample is; elsewhere that is NaN, which fills the frame.
            first = ops.expand_dims(x[:, : (y.shape[1] - 1) * self.stride + 1 : self.stride], -1)
            return ops.where(ops.isnan(first), first, y)

        return features


def logarithm(power: Any) -> Any:
    """The natural logarithm of power, which ends at a floor."""
    return ops.log(power + FLOOR)
