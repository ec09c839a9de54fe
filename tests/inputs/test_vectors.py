"""Vectors of words from a file: what embeddings begin with, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlkit.config.problems import ConfigError, DlkitError
from dlkit.data.load import load_splits
from dlkit.data.prepare import fit_and_stage
from dlkit.models.build import BuiltModel, build
from dlkit.schema.loader import from_mapping

GLOVE = "good 1 2 3\nBad -1 0 1\n. . . 7 8 9\nplot 4 5 6\nPlot 0 0 0\n"
TEXTS = ["good plot", "bad plot", "good ending", "bad ending"]


def built(path: Path, **stated: Any) -> tuple[BuiltModel, str]:
    """A model of texts with the vectors of a file, and the notes about its data."""
    inputs = {"x": {"kind": "text", "min_count": 1, "vectors": str(path), **stated}}
    data = {"inputs": inputs, "targets": {"y": {"kind": "binary"}}}
    config = from_mapping({"name": "t", "data": data, "model": {"builder": "bag"}}, needs_source=False).config
    given = {"train": (np.array(TEXTS, object), np.arange(4) % 2)}
    splits = fit_and_stage(load_splits(config.data, given=given))[0]
    return build(config, splits.spec), "\n".join(splits.notes)


@pytest.mark.parametrize("header", ["", "4 3\n"], ids=["GloVe", "word2vec"])
def test_embeddings_begin_with_the_vectors_of_a_file(header: str, tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text(header + GLOVE)
    made, notes = built(file)
    vocabulary = made.spec.inputs["x"].state["vocabulary"]
    table = dict(
        zip(["padding", "unknown", *vocabulary], made.network.get_layer("x_embedding").get_weights()[0], strict=True)
    )
    assert table.keys() == {"padding", "unknown", "good", "bad", "plot", "ending"}
    for word, vector in {"good": [1, 2, 3], "bad": [-1, 0, 1], "plot": [4, 5, 6]}.items():
        assert table[word].tolist() == vector
    assert 0 < np.abs(table["ending"]).max() < 0.1 and not np.array_equal(table["ending"], table["unknown"])
    assert "3 of 4 have a vector" in notes and str(file) in notes
    made.model.save(tmp_path / "m.keras")
    file.unlink()
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.count_params() == made.model.count_params()
    assert again.get_layer("x_embedding").get_weights()[0].tolist() == [row.tolist() for row in table.values()]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (None, "missing-file", "there is no file"),
        ("good 1 2 3\nplot 4 5\n", "bad-vectors", "vectors.txt:2 has 2 numbers instead of 3"),
        ("good 1 2 three\n", "bad-vectors", "vectors.txt:1 has something else than numbers"),
        ("good 1 2 nan\n", "bad-vectors", "vectors.txt:1 has something else than numbers"),
        ("2 300\n\x00\x01\x7f\n\xff", "bad-vectors", "none of the 4 words"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_its_setting(
    content: str | None, code: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "vectors.txt"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    with pytest.raises(DlkitError) as refused:
        built(file)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == (code, ("data", "inputs", "x", "vectors")) and says in problem.message


def test_vectors_have_a_width_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        built(tmp_path / "vectors.txt", embedding=50)
    assert refused.value.problems[0].key == ("data", "inputs", "x", "embedding")
