"""`spectrogram` and `log_mel` compute what SciPy computes, mark padding, and refuse bands that hold nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.fft import rfft, rfftfreq
from scipy.signal import get_window

from dlkit.config.problems import ConfigError
from dlkit.schema.loader import from_mapping
from dlkit.schema.step import STEPS

RATE = 16_000
SOUNDS = np.random.default_rng(0).uniform(-1, 1, (3, 6400)).astype("float32")
SOUNDS[1] = np.sin(np.arange(6400) * 2 * np.pi * 1000 / RATE)


def power(sounds: np.ndarray, length: int, stride: int, size: int) -> np.ndarray:
    """Power by frame and frequency, in float64."""
    frames = np.lib.stride_tricks.sliding_window_view(sounds.astype("float64"), length, axis=1)[:, ::stride]
    return np.abs(rfft(frames * get_window("hann", length), size)) ** 2


def mel_matrix(bins: int, low: float, high: float, size: int) -> np.ndarray:
    """Triangles on the mel scale: shape (frequencies, bins)."""
    mel = lambda f: 1127 * np.log1p(f / 700)  # noqa: E731
    points = np.linspace(mel(low), mel(high), bins + 2)
    places = mel(rfftfreq(size, 1 / RATE))[:, None]
    rising = (places - points[:-2]) / (points[1:-1] - points[:-2])
    falling = (points[2:] - places) / (points[2:] - points[1:-1])
    matrix = np.clip(np.minimum(rising, falling), 0, None)
    matrix[0] = 0
    return matrix


def features(name: str, sounds: np.ndarray, **settings: Any) -> np.ndarray:
    """What a step makes of sounds."""
    return np.asarray(STEPS[name].model_validate({"step": name, **settings}).layer(None)(sounds))


def test_a_spectrogram_is_that_of_scipy() -> None:
    expected = np.log(power(SOUNDS, 480, 160, 512) + 1e-6)
    found = features("spectrogram", SOUNDS)
    assert found.shape == expected.shape == (3, 38, 257)
    # Of a pure tone, all but its own frequency is rounding.
    np.testing.assert_allclose(np.exp(found), np.exp(expected), rtol=3e-4, atol=1e-2)
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], atol=0.02)


def test_mel_bands_are_those_of_scipy() -> None:
    for settings, matrix in (
        ({}, mel_matrix(64, 20, 8000, 512)),
        ({"bins": 40, "low": 100.0, "high": 7600.0}, mel_matrix(40, 100, 7600, 512)),
    ):
        expected = np.log(power(SOUNDS, 480, 160, 512) @ matrix + 1e-6)
        found = features("log_mel", SOUNDS, **settings)
        np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], atol=1e-4)
        assert (found[1].argmax(axis=1) == expected[1].argmax(axis=1)).all()


def test_frames_that_begin_in_padding_are_missing_and_those_before_hear_silence() -> None:
    padded = SOUNDS.copy()
    padded[0, 4000:] = np.nan
    found, silent = features("log_mel", padded), features("log_mel", np.nan_to_num(padded))
    np.testing.assert_array_equal(np.isnan(found[0]).all(axis=1), np.arange(38) * 160 >= 4000)
    np.testing.assert_array_equal(found[0, :25], silent[0, :25])
    np.testing.assert_array_equal(features("log_mel", padded, as_image=True)[..., 0], silent)


def test_a_sound_shorter_than_a_frame_is_one_frame() -> None:
    assert features("log_mel", SOUNDS[:, :100]).shape == (3, 1, 64)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"log_mel": {"bins": 200}}], "hold no frequency"),
        ([{"log_mel": {"high": 9000.0}}], "nothing above 8,000 Hz"),
        ([{"log_mel": {"low": 5000.0, "high": 4000.0}}], "not below"),
        ([{"spectrogram": {"every": 0.05}}], "leave out"),
        (["normalize"], "0 steps make frames"),
        (["log_mel", "spectrogram"], "2 steps make frames"),
    ],
)
def test_frames_and_bands_that_make_no_sense_are_refused(steps: list[Any], message: str) -> None:
    data = {"inputs": {"x": {"kind": "audio", "preprocess": steps}}, "targets": {"y": {"kind": "binary"}}}
    with pytest.raises(ConfigError) as refused:
        from_mapping({"name": "t", "data": data, "model": {"builder": "rnn"}}, needs_source=False)
    assert message in str(refused.value)
