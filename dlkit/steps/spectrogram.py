"""`spectrogram`: the logarithm of a sound's power, by time and frequency."""

from __future__ import annotations

from typing import Any, Literal

from dlkit.steps._frames import Frames, logarithm


class Spectrogram(Frames):
    """The logarithm of the power of each frame of a sound at evenly spaced frequencies (STFTSpectrogram of Keras)."""

    also_called = "stft, fft, log_spectrogram, stft_spectrogram"

    step: Literal["spectrogram"]

    @property
    def bands(self) -> int:
        """Half the Fourier transform, from 0 to half the rate."""
        return self.size // 2 + 1

    def power_to_features(self) -> list[Any]:
        """The logarithm."""
        return [logarithm]
