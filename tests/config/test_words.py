"""Values and numbers in words."""

from __future__ import annotations

import numpy as np
import pytest

from dlkit.config.phrases import count


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
