"""`kind: bundled`: real data sets that ship with dlkit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

reading, movies = lazy("dlkit.bundled.reading"), lazy("dlkit.bundled.movies")
long_table, ts_format, ts = (lazy(f"dlkit.sources.{name}") for name in ("_long_table", "_ts_format", "ts"))

# The version in TensorFlow Datasets whose examples, order and field names these are.
TFDS_VERSIONS = {"mnist": "3.0.1"}
# What changes when a set does: they ship with dlkit.
VERSION = "1"
_KEY = ("data", "source", "name")


class BundledSource(SourceSettings):
    """A real data set that ships with dlkit and needs no network."""

    kind: Literal["bundled"]
    name: Literal["mnist", "movie_sentiment", "movie_snippets", "japanese_vowels", "airline"] = Field(
        description="Name of the set."
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A set by its name."""
        if asked.path is not None or asked.given not in _SETS:
            return None
        left_out = {"rating": "the sentiment was made from it"} if asked.given == "movie_sentiment" else {}
        reason = "a set that ships with dlkit"
        return SourceGuess(0.9, {"kind": "bundled", "name": asked.given}, reason, left_out=left_out)

    @classmethod
    def set_names(cls) -> list[str]:
        """What ships with dlkit."""
        return list(_SETS)

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The bundled set of that name; MNIST has the splits and fields that it has in TensorFlow Datasets.

        Files are read when a split's arrays are first asked for.
        """
        return _SETS[self.name]()

    def describe(self) -> SourceData:
        """The same: its files are read later."""
        return self.open()


def _mnist() -> SourceData:
    """Images of handwritten digits."""
    fields = {
        "image": SourceField((28, 28, 1), "uint8", hint="image"),
        "label": SourceField((), "uint8", tuple(str(digit) for digit in range(10)), hint="category"),
    }

    def arrays(split: str) -> dict[str, np.ndarray]:
        images, labels = reading.read_mnist(split)
        return {"image": images, "label": labels}

    version = TFDS_VERSIONS["mnist"]
    return SourceData(f"mnist:{version}", dict(reading.MNIST_SIZES), fields, arrays, fingerprint=f"mnist {version}")


def _japanese_vowels() -> SourceData:
    """Nine speakers who say a vowel: sequences of 7 to 29 steps, and who it is."""

    @cache
    def file(split: str) -> Any:
        return ts_format.read_ts(reading.VOWELS[split], _KEY)

    def arrays(split: str) -> dict[str, np.ndarray]:
        found, labels = file(split), file(split).labels
        assert labels is not None
        return {ts.SERIES: found.values, ts.LABEL: labels}

    def place(split: str, row: int) -> str:
        return f"{file(split).path.name}:{file(split).lines[row]}"

    # The longest sequence of training has 26 steps.
    fields = {
        ts.SERIES: SourceField((26, 12), "float32", ragged=True, hint="sequence"),
        ts.LABEL: SourceField((), "string", hint="category"),
    }
    return SourceData(
        "japanese_vowels", dict(reading.VOWELS_SIZES), fields, arrays, place=place, fingerprint=f"vowels {VERSION}"
    )


def _airline() -> SourceData:
    """The passengers of each month of twelve years; `kind: timeseries` cuts them into windows."""
    fields = {"Date": SourceField((), "string"), "Passengers": SourceField((), "float32", hint="number")}

    def arrays(split: str) -> dict[str, np.ndarray]:
        table, _ = long_table.read_table(str(reading.AIRLINE), {_KEY: list(fields)})
        return {"Date": table.columns["Date"], "Passengers": table.numbers("Passengers")}

    return SourceData("airline", {"train": 144}, fields, arrays, fingerprint=f"airline {VERSION}")


def _movies(name: str) -> SourceData:
    sentiment = name == "movie_sentiment"
    fields = {
        "id": SourceField((), "int64"),
        "text": SourceField((), "string", hint="text"),
        "rating": SourceField((), "float32", hint="number"),
    }
    if sentiment:
        fields["sentiment"] = SourceField((), "string", hint="binary")

    def arrays(split: str) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = movies.read_movies(split, sentiment=sentiment)
        return found

    sizes = movies.SENTIMENT_SIZES if sentiment else movies.SIZES
    return SourceData(f"{name}:1", dict(sizes), fields, arrays, fingerprint=f"{name}:1")


_SETS: Mapping[str, Callable[[], SourceData]] = {
    "mnist": _mnist,
    "movie_sentiment": partial(_movies, "movie_sentiment"),
    "movie_snippets": partial(_movies, "movie_snippets"),
    "japanese_vowels": _japanese_vowels,
    "airline": _airline,
}
