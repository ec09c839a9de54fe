"""The bundled movie snippets are whole, unchanged, and divided once and for all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dlkit.bundled import movies
from dlkit.config.problems import RunError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data


def test_the_file_is_the_one_of_the_notice() -> None:
    checksum, name = (movies.FOLDER / "SHA256SUMS").read_text().split()
    assert hashlib.sha256((movies.FOLDER / name).read_bytes()).hexdigest() == checksum
    assert "MIT" in (movies.FOLDER / "NOTICE.md").read_text()
    assert "C.J. Hutto" in (movies.FOLDER / "LICENSE-VADER.txt").read_text()


def test_every_sentence_is_in_one_split_and_no_text_in_two() -> None:
    train, test = (movies.read_movies(split, sentiment=False) for split in ("train", "test"))
    assert sorted([*train["id"], *test["id"]]) == sorted(set(train["id"]) | set(test["id"]))
    assert {"train": len(train["id"]), "test": len(test["id"])} == movies.SIZES
    assert not set(train["text"].tolist()) & set(test["text"].tolist())
    assert abs(train["rating"].mean() - test["rating"].mean()) < 0.1


def test_sentiments_are_the_same_sentences_without_the_neutral_ones() -> None:
    for split, size in movies.SENTIMENT_SIZES.items():
        every, found = (movies.read_movies(split, sentiment=sentiment) for sentiment in (False, True))
        assert len(found["id"]) == size
        assert set(found["id"]) == set(every["id"][np.abs(every["rating"]) > 0.5])
        assert ((found["sentiment"] == "positive") == (found["rating"] > 0)).all()
        assert 0.45 < (found["sentiment"] == "positive").mean() < 0.55


def test_arrays_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        movies.read_movies("test", sentiment=True)["rating"][0] = 0


@pytest.mark.parametrize(("name", "target"), [("movie_snippets", "rating"), ("movie_sentiment", "sentiment")])
def test_each_set_opens_as_a_source_with_the_columns_that_it_describes(name: str, target: str) -> None:
    kind = "number" if target == "rating" else "binary"
    data = Data.model_validate(
        {
            "source": {"kind": "bundled", "name": name},
            "splits": {"train": "train[:20]", "test": "test[:10]"},
            "inputs": {"text": {"kind": "text"}},
            "targets": {target: {"kind": kind}},
        }
    )
    assert data.source is not None
    described = data.source.describe()
    assert described is not None and described.arrays is not None
    for split, size in described.sizes.items():
        arrays = described.arrays(split)
        assert {name: len(column) for name, column in arrays.items()} == dict.fromkeys(described.fields, size)
    splits = load_splits(data)
    assert splits.spec.sizes == {"train": 20, "test": 10}


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the bundled files that may be damaged."""
    shutil.copytree(movies.FOLDER, tmp_path / "movies")
    monkeypatch.setattr(movies, "FOLDER", tmp_path / "movies")
    movies._rows.cache_clear()
    movies.read_movies.cache_clear()
    yield tmp_path / "movies"
    movies._rows.cache_clear()
    movies.read_movies.cache_clear()


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign"])
def test_a_damaged_file_is_named(copy: Path, damage: str) -> None:
    path = copy / movies.FILE
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000] if damage == "cut" else b"id,rating,text\n")
    with pytest.raises(RunError) as refused:
        movies.read_movies("test", sentiment=False)
    assert refused.value.problems[0].code == "damaged-data"
    assert str(path) in str(refused.value)
