"""Examples that are in two splits are counted and the first is named; what chance makes alike is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlkit.bundled.reading import read_mnist
from dlkit.checks import duplicates
from dlkit.checks.context import CheckContext
from dlkit.data.load import load_splits
from tests.checks.tables import config, cut, real, says
from tests.training.helpers import MLP, load, settings

CODE = "example-in-two-splits"
NUMBERS = config({"x": {"kind": "number"}}, "number")


def numbers() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return cut(rng.normal(size=(500, 4)).astype(np.float32), rng.normal(size=500))


def test_rows_that_are_in_two_splits_are_counted_and_the_first_is_named() -> None:
    data = numbers()
    data["test"][0]["x"][[7, 20]] = data["train"][0]["x"][[118, 3]]
    (problem,) = says(CODE, NUMBERS, data)
    assert problem.message == (
        "2 of 100 test examples are in train as well; the first is test[7], the same as train[118]"
    )
    assert (problem.key, problem.severity) == (("data", "splits"), "warning")


def test_test_and_validation_are_compared_too() -> None:
    data = numbers()
    data["test"][0]["x"][7] = data["validation"][0]["x"][9]
    (problem,) = says(CODE, NUMBERS, data)
    assert "1 of 100 test examples is in validation as well" in problem.message


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "digits"])
def test_sets_without_such_rows_are_reported_nothing(name: str) -> None:
    assert not says(CODE, *real(name))


def test_mnist_is_reported_nothing() -> None:
    assert not says(CODE, settings(MLP), {"train": read_mnist("train"), "test": read_mnist("test")})


def test_an_image_of_mnist_that_is_in_both_is_found() -> None:
    (x, y), (test, labels) = read_mnist("train"), read_mnist("test")
    test = np.concatenate([test, x[59_000:59_001]])
    (problem,) = says(CODE, settings(MLP), {"train": (x, y), "test": (test, np.append(labels, y[59_000]))})
    assert problem.message.endswith("the first is test[10000], the same as train[59000]")


def test_rows_of_frequent_values_are_alike_by_chance() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["a", "b", "c"])[rng.integers(0, 3, (500, 3))]
    given = config({"x": {"kind": "category"}, "n": {"kind": "number"}}, "number")
    assert not says(CODE, given, cut({"x": words, "n": rng.integers(0, 3, 500)}, rng.normal(size=500)))


def test_text_and_numbers_together_are_compared_whatever_their_types() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"word {n}" for n in range(500)])
    given = config({"x": {"kind": "category"}, "n": {"kind": "number"}}, "number")
    data = cut({"x": words, "n": rng.normal(size=500)}, rng.normal(size=500))
    data["test"][0]["x"] = data["test"][0]["x"].astype("U40")
    for name, values in data["test"][0].items():
        values[5] = data["train"][0][name][6]
    (problem,) = says(CODE, given, data)
    assert "test[5], the same as train[6]" in problem.message


def test_the_same_data_in_both_is_reported_by_a_note_alone() -> None:
    data = numbers()
    assert not says(CODE, NUMBERS, data | {"test": data["train"]})


def test_nothing_is_said_where_all_splits_are_to_be_the_same() -> None:
    data = numbers()
    data["test"][0]["x"][7] = data["train"][0]["x"][9]
    asked = config({"x": {"kind": "number"}}, "number", training={"overfit_batches": 2})
    assert not says(CODE, asked, data)


def test_rows_beyond_the_limit_are_sampled_and_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST_ROWS", 90)
    monkeypatch.setattr(duplicates.some_rows, "__defaults__", (90, duplicates.MOST_BYTES))
    data = numbers()
    data["test"][0]["x"][:60] = data["train"][0]["x"][:60]
    (problem,) = says(CODE, NUMBERS, data)
    assert "(looking at 90 of 100 test examples and 90 of 300 train examples)" in problem.message


def test_files_of_the_same_content_are_found_among_all_without_decoding_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_END", 16)
    rng = np.random.default_rng(0)
    for split, count in (("train", 300), ("test", 300)):
        for number in range(count):
            path = tmp_path / "images" / split / "ab"[number % 2] / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(path)
    images = tmp_path / "images"
    twin = (images / "train" / "a" / "290.png").read_bytes()
    (images / "test" / "b" / "251.png").write_bytes(twin)
    # The same size and the same end, and another image.
    other = bytearray((images / "train" / "a" / "100.png").read_bytes())
    other[60] ^= 1
    (images / "test" / "a" / "100.png").write_bytes(other)
    found = config({"image": {"kind": "image"}}, "category")
    found["data"] |= {
        "source": {"kind": "image_folder", "path": str(images)},
        "targets": {"label": {"kind": "category"}},
    }
    loaded = load(found)
    case = CheckContext(loaded.config, None, raw=load_splits(loaded.config.data))  # type: ignore[arg-type]
    (problem,) = duplicates.in_two_splits(case)
    assert problem.message == (
        "1 of 300 test examples is in train as well; the first is test/b/251.png, the same as train/a/290.png"
    )
