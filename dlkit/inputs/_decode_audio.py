"""Sound files as samples: one decoder, for every format that is read."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

soundfile, signal = lazy("soundfile"), lazy("scipy.signal")
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")


@dataclass(frozen=True)
class Sound:
    """What the header of a sound file says.

    Attributes:
        rate: samples per second.
        channels: of each sample.
        seconds: its length.
    """

    rate: int
    channels: int
    seconds: float


def read_header(stored: str | bytes) -> Sound:
    """The rate, channels and length of a sound file, by its path or its content.

    Raises:
        ValueError: if it is no such file, is cut off, or holds no sound.
    """
    with _opened(stored) as file:
        return Sound(file.samplerate, file.channels, file.frames / file.samplerate)


def decode_audio(stored: str | bytes, rate: int, samples: int | None = None, *, centre: bool = True) -> np.ndarray:
    """The samples of a sound file, of one channel, at a rate; values of whole numbers become -1 to 1.

    Channels become their mean. Another rate is brought to this one by a polyphase filter (scipy.signal.resample_poly).

    Args:
        stored: path of a file, or its content: WAV of every depth, FLAC, OGG, MP3, AIFF.
        rate: samples per second.
        samples: most of them, of a longer file; None for all.
        centre: whether those are from its middle, or from its start.

    Returns:
        float32, shape (samples,).

    Raises:
        ValueError: if it is no such file, is cut off, or holds no sound, or numbers that are not finite.
    """
    with _opened(stored) as file:
        count = file.frames
        if samples is not None:
            count = min(count, math.ceil(samples * file.samplerate / rate))
        file.seek((file.frames - count) // 2 if centre else 0)
        values = file.read(count, dtype="float32", always_2d=True)
        own_rate = file.samplerate
    if len(values) < count:
        raise ValueError(f"it is cut off: it has {len(values):,} of {count:,} samples")
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinity")
    mono = values.mean(axis=1, dtype=np.float32)
    if own_rate != rate:
        common = math.gcd(own_rate, rate)
        mono = signal.resample_poly(mono, rate // common, own_rate // common).astype(np.float32)
    found: np.ndarray = mono[:samples]
    return found


@contextmanager
def _opened(stored: str | bytes) -> Iterator[Any]:
    """A sound file, open.

    Raises:
        ValueError: saying why it cannot be read.
    """
    try:
        _must_be_whole(stored)
        with soundfile.SoundFile(io.BytesIO(stored) if isinstance(stored, bytes) else stored) as file:
            if file.frames <= 0:
                raise ValueError("it holds no sound")
            yield file
    except soundfile.LibsndfileError as error:
        words = str(error.error_string).rstrip(".")
        raise ValueError(words[0].lower() + words[1:] if words else "it is no sound file") from error
    except (OSError, MemoryError, RuntimeError) as error:
        raise ValueError(getattr(error, "strerror", None) or str(error)) from error


def _must_be_whole(stored: str | bytes) -> None:
    """Refuse what is empty, or shorter than it says: libsndfile reads what is left of a file and says nothing.

    Raises:
        ValueError: saying what is missing.
    """
    if isinstance(stored, bytes):
        size, begin, end = len(stored), stored[:12], stored[-65536:]
    else:
        size = Path(stored).stat().st_size
        with Path(stored).open("rb") as file:
            begin = file.read(12)
            file.seek(max(0, size - 65536))
            end = file.read()
    if not size:
        raise ValueError("it is empty")
    if isinstance(stored, str) and stored.lower().endswith(".au") and begin[:4] not in (b".snd", b"dns."):
        # libsndfile takes anything of that name for samples.
        raise ValueError("it is no AU file: it does not begin with `.snd`")
    order = {b"RIFF": "little", b"FORM": "big"}.get(begin[:4])
    if order is not None and len(begin) == 12:
        stated = int.from_bytes(begin[4:8], "little" if order == "little" else "big") + 8
        # A program that writes as it records leaves 0 or the largest number, and libsndfile reads to the end.
        if 8 < stated < 2**32 - 1 and size < stated - 1:
            raise ValueError(f"it is cut off: it has {size:,} of {stated:,} bytes")
    last = end.rfind(b"OggS")
    if begin[:4] == b"OggS" and (last < 0 or len(end) < last + 6 or not end[last + 5] & 4):
        raise ValueError("it is cut off: its last page is missing")
