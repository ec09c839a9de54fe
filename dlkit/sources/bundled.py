"""`kind: bundled`: real data sets that ship with dlkit."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.source import SourceData, SourceField, SourceSettings

if TYPE_CHECKING:
    import numpy as np

reading, movies = lazy("dlkit.bundled.reading"), lazy("dlkit.bundled.movies")

# The version in TensorFlow Datasets whose examples, order and field names these are.
TFDS_VERSIONS = {"mnist": "3.0.1"}


class BundledSource(SourceSettings):
    """A real data set that ships with dlkit and needs no network."""

    kind: Literal["bundled"]
    name: Literal["mnist", "movie_sentiment", "movie_snippets"] = Field(description="Name of the set.")

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The bundled set of that name; MNIST with the splits and fields that it has in TensorFlow Datasets.

        Files are read when a split's arrays are first asked for.
        """
        return _mnist() if self.name == "mnist" else _movies(self.name)

    def describe(self) -> SourceData:
        """The same: its files are read later."""
        return self.open()


def _mnist() -> SourceData:
    fields = {
        "image": SourceField((28, 28, 1), "uint8"),
        "label": SourceField((), "uint8", tuple(str(digit) for digit in range(10))),
    }

    def arrays(split: str) -> dict[str, np.ndarray]:
        images, labels = reading.read_mnist(split)
        return {"image": images, "label": labels}

    return SourceData(f"mnist:{TFDS_VERSIONS['mnist']}", dict(reading.MNIST_SIZES), fields, arrays)


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
