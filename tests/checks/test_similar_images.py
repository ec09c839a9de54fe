"""Images that were saved again or resized are found in another split; images that only look alike are not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from dlkit.bundled.reading import read_mnist
from tests.checks.tables import says
from tests.training.helpers import MLP, settings

CODE = "similar-images-in-two-splits"
SIDE = 64


def parts_of_photographs() -> np.ndarray:
    """Parts of two photographs, 64 x 64, each another."""
    photographs = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    return np.stack(
        [
            photograph[top : top + SIDE, left : left + SIDE]
            for photograph in photographs
            for top in range(0, photograph.shape[0] - SIDE + 1, SIDE)
            for left in range(0, photograph.shape[1] - SIDE + 1, SIDE)
        ]
    )


def splits(test: np.ndarray | None = None) -> dict[str, Any]:
    images = parts_of_photographs()
    order = np.random.default_rng(0).permutation(len(images))
    train, rest = images[order[:80]], images[order[80:]]
    rest = rest if test is None else np.concatenate([rest, test])
    return {"train": (train, np.arange(80) % 10), "test": (rest, np.arange(len(rest)) % 10)}


def saved_again(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=60)
    return np.asarray(Image.open(file))


def resized(image: np.ndarray) -> np.ndarray:
    small = Image.fromarray(image).resize((50, 50), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def test_different_parts_of_photographs_are_not_alike() -> None:
    assert not says(CODE, settings(MLP), splits())


@pytest.mark.parametrize("change", [saved_again, resized], ids=["jpeg", "resized"])
def test_a_changed_copy_is_found_and_named(change: Any) -> None:
    train = splits()["train"][0]
    busiest = int(np.argmax(train.std(axis=(1, 2, 3))))
    data = splits(change(train[busiest])[None])
    last = len(data["test"][1]) - 1
    (problem,) = says(CODE, settings(MLP), data)
    assert problem.message == (
        f"`image`: 1 of {last + 1} test images is nearly the same as one of train; "
        f"the first is test[{last}], like train[{busiest}]"
    )
    assert problem.severity == "warning"


def test_an_equal_image_is_left_to_the_rule_on_equal_examples() -> None:
    assert not says(CODE, settings(MLP), splits(splits()["train"][0][:1]))


def test_mnist_is_reported_nothing() -> None:
    """Digits look alike: there are near-duplicates in plenty by any measure, and all are different."""
    assert not says(CODE, settings(MLP), {"train": read_mnist("train"), "test": read_mnist("test")})


def test_images_of_one_colour_are_not_compared() -> None:
    plain = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 40, 40, 3), np.uint8)
    data = {"train": (plain[:10], np.arange(10)), "test": (plain[10:], np.arange(10))}
    assert not says(CODE, settings(MLP), data)
