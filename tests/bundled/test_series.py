"""The bundled series are whole, unchanged, and read as the files of a user are."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from dlkit.bundled import reading
from dlkit.sources.bundled import BundledSource
from dlkit.sources.timeseries import TimeseriesSource


@pytest.mark.parametrize(("name", "licence"), [("airline", "public record"), ("japanese_vowels", "CC BY 4.0")])
def test_files_are_the_original_ones(name: str, licence: str) -> None:
    folder = reading.FOLDER.parent / name
    sums = (folder / "SHA256SUMS").read_text().split()
    expected = dict(zip(sums[1::2], sums[::2], strict=True))
    assert {path.name for path in folder.iterdir()} == {*expected, "NOTICE.md", "SHA256SUMS"}
    for file, checksum in expected.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == checksum
    assert licence in (folder / "NOTICE.md").read_text()


def test_japanese_vowels() -> None:
    source = BundledSource(kind="bundled", name="japanese_vowels").open()
    assert source.arrays is not None
    for split, longest in (("train", 26), ("test", 29)):
        found = source.arrays(split)
        assert found["x"].shape == (source.sizes[split], longest, 12)
        assert sorted(set(found["label"])) == list("123456789")
        lengths = (~np.isnan(found["x"]).all(axis=2)).sum(axis=1)
        assert (lengths.min(), lengths.max()) == (7, longest)
    assert source.fields["x"].shape == (26, 12)
    assert source.place is not None
    assert source.place("train", 0) == "JapaneseVowels_TRAIN.ts.gz:16"


def test_airline_as_a_table_and_as_windows() -> None:
    source = BundledSource(kind="bundled", name="airline").open()
    assert source.arrays is not None
    table = source.arrays("train")
    assert (table["Date"][0], table["Date"][-1], len(table["Date"])) == ("1949-01", "1960-12", source.sizes["train"])
    given = {"bundled": "airline", "time": "Date", "targets": "Passengers", "past": 143, "horizon": 1}
    windows = TimeseriesSource.model_validate({"kind": "timeseries", **given}).open().arrays
    assert windows is not None
    assert windows("train")["past"][0, :, 0].tolist() == table["Passengers"][:-1].tolist()
