"""`log_mel`: the logarithm of a sound's power, by time and by frequencies as an ear parts them."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.config.problems import Key, Problem
from dlkit.lazy import lazy
from dlkit.schema.base import NonNegativeFloat, Positive, PositiveFloat
from dlkit.steps._frames import Frames, logarithm

if TYPE_CHECKING:
    from dlkit.schema import Config

keras, np = lazy("keras"), lazy("numpy")


class LogMel(Frames):
    """The logarithm of the power of each frame in bands that are evenly wide on the mel scale."""

    also_called = "mel, mel_spectrogram, log_mel_spectrogram, melspectrogram, mfcc, fbank, filter_bank"

    step: Literal["log_mel"]
    bins: Positive = Field(64, description="Bands.")
    low: NonNegativeFloat = Field(20.0, description="Lowest frequency, in Hz.")
    high: PositiveFloat | None = Field(None, description="Highest frequency, in Hz; null for half the rate.")

    @property
    def bands(self) -> int:
        """As many as are asked for."""
        return self.bins

    def rules(self, key: Key, config: Config) -> Iterator[Problem]:
        """The bands lie between 0 and half the rate, and each holds a frequency."""
        yield from super().rules(key, config)
        key, top = (*key, self.step), self.rate / 2
        if self.high is not None and self.high > top:
            message = f"a sound of {self.rate:,} samples a second holds nothing above {top:,g} Hz"
            yield Problem("contradiction", message, (*key, "high"), label=f"at most {top:,g}")
        elif self.low >= (self.high or top):
            yield Problem(
                "contradiction", "`low` is not below `high`", (*key, "low"), label=f"below {self.high or top:,g}"
            )
        elif empty := sum(1 for weights in _mel_rows(self) if not any(weights)):
            message = f"{empty:,} of {self.bins:,} bands hold no frequency: a frame tells {self.size // 2 + 1:,} apart"
            help = "ask for fewer bands, or state a longer `window`"
            yield Problem("contradiction", message, (*key, "bins"), help=help)

    def power_to_features(self) -> list[Any]:
        """A dense layer without bias that no training changes, which adds up the bands, and the logarithm."""
        # A name that no layer of a builder has.
        name = f"mel_bank_{keras.backend.get_uid('mel_bank')}"
        dense = keras.layers.Dense(self.bins, use_bias=False, trainable=False, dtype="float32", name=name)
        dense.build((None, None, self.size // 2 + 1))
        dense.kernel.assign(np.array(_mel_rows(self), np.float32).T)
        return [dense, logarithm]


def _mel_rows(settings: LogMel) -> list[list[float]]:
    """How much each frequency of the Fourier transform counts in each band.

    Triangles between points that are evenly apart in mel, 1127 ln(1 + f / 700) (Young et al., the HTK book, 5.4).
    """

    def mel(frequency: float) -> float:
        return 1127.0 * log(1.0 + frequency / 700.0)

    rate, count = settings.rate, settings.size // 2 + 1
    low, high = mel(settings.low), mel(settings.high or rate / 2)
    width = (high - low) / (settings.bins + 1)
    # The frequency 0 is no sound.
    places = [0.0, *(mel(n * rate / settings.size) for n in range(1, count))]
    rows = []
    for band in range(settings.bins):
        centre = low + width * (band + 1)
        rows.append([max(0.0, 1 - abs(place - centre) / width) if n else 0.0 for n, place in enumerate(places)])
    return rows
