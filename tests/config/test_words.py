"""Values and numbers in words."""

from __future__ import annotations

import numpy as np
import pytest

from dlkit.config.phrases import aligned, count, listed


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "example", "1 example"),
        (60_000, "example", "60,000 examples"),
        (np.int64(60_000), "example", "60,000 examples"),
        (0, "batch", "0 batches"),
        (2, "class", "2 classes"),
        (10, "epoch", "10 epochs"),
        (1, "class", "1 class"),
        (3, "axis", "3 axes"),
        (1.0, "epoch", "1 epoch"),
        (0.5, "epoch", "0.5 epochs"),
    ],
)
def test_a_noun_agrees_with_its_number(number: float, noun: str, words: str) -> None:
    assert count(number, noun) == words


def test_words_are_listed_as_in_a_sentence() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_figures_stand_below_each_other() -> None:
    rows = [["", "train", "test"], ["rows", "1,000", "9"], ["the five most frequent"], ["a", "7", "10"]]
    assert aligned(rows, (1, 2)) == [
        "      train  test",
        "rows  1,000     9",
        "the five most frequent",
        "a         7    10",
    ]
    assert aligned([["a", "long", ""], ["b", "c", "d"]]) == ["a  long", "b  c     d"]
