"""Data of every form that `dlkit init` reads, small, and nothing about them said anywhere else."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits

ROWS = 120
WORDS = ["dull", "slow", "bright", "fine", "long", "short", "plain", "odd"]


def people(path: Path) -> Path:
    """A table with ids, codes with leading zeros, dates, holes, a constant, and whole numbers that may be classes."""
    draw = np.random.default_rng(0)
    names = ["person_id", "postcode", "joined", "age", "income", "city", "floors", "country", "plan_type", "bought"]
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(names)
        for row in range(ROWS):
            age = int(draw.integers(18, 80))
            bought = "" if row == 3 else "yes" if age > 45 else "no"
            joined = (datetime.date(2020, 1, 1) + datetime.timedelta(days=int(draw.integers(900)))).isoformat()
            income = "" if row % 7 == 0 else round(float(draw.lognormal(10, 0.5)), 2)
            table.writerow(
                [
                    f"P-{row:05}", f"{row % 9:05}", joined, "" if row == 100 else age, income,
                    draw.choice(["Rome", "Oslo"]), row % 16, "EU", row % 5, bought,
                ]
            )  # fmt: skip
    return path


def houses(path: Path) -> Path:
    """A table whose last column is a number."""
    draw = np.random.default_rng(0)
    area, rooms = draw.uniform(30, 200, ROWS), draw.integers(1, 9, ROWS)
    price = area * 3.1 + rooms * 7 + draw.normal(size=ROWS)
    rows = "\n".join(f"{a:.2f},{r},{p:.2f}" for a, r, p in zip(area, rooms, price, strict=True))
    path.write_text(f"area,rooms,price\n{rows}\n")
    return path


def sales(path: Path) -> Path:
    """A series of months."""
    months = [f"{2000 + n // 12}-{n % 12 + 1:02}" for n in range(144)]
    path.write_text(
        "month,price,sold\n" + "\n".join(f"{m},{n % 5 + 0.5},{100 + n + n % 12}" for n, m in enumerate(months))
    )
    return path


def digits(path: Path) -> Path:
    """Pictures of digits in a folder for each class."""
    found = load_digits()
    for number, (pixels, label) in enumerate(zip(found.images[:ROWS], found.target[:ROWS], strict=True)):
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype("uint8")).save(path / str(label) / f"{number}.png")
    return path


def pets(path: Path) -> Path:
    """Pictures of several sizes, by split."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 10)):
        for number in range(count):
            pixels = draw.integers(0, 256, (100 + number, 140, 3)).astype("uint8")
            folder = path / split / ("cats", "dogs")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return path


def texts(path: Path) -> Path:
    """Texts in a folder for each class."""
    draw = np.random.default_rng(0)
    for number in range(ROWS):
        folder = path / ("bad", "good")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(" ".join(draw.choice(WORDS, 9)))
    return path


def comments(path: Path) -> Path:
    """A table with a text, and words with commas between as the target."""
    draw = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["comment", "tags"])
        for number in range(ROWS):
            some = [word for word in ("rain", "snow", "wind") if draw.random() < 0.5] or ["rain"]
            table.writerow([f"{' '.join(draw.choice(WORDS, 9))} {number}", ",".join(some)])
    return path


def walks(path: Path) -> Path:
    """Series of unequal length, a file for each split; the longest is in the test."""
    path.mkdir()
    for split, count, longest in (("TRAIN", 40, 7), ("TEST", 12, 9)):
        lines = ["@problemName walks", "@timeStamps false", "@univariate false", "@dimensions 2", "@equalLength false"]
        lines += ["@classLabel true a b", "@data"]
        for number in range(count):
            steps = ",".join(str(n / 10) for n in range(3 + number % (longest - 2)))
            lines.append(f"{steps}:{steps}:{'ab'[number % 2]}")
        (path / f"Walks_{split}.ts").write_text("\n".join(lines) + "\n")
    return path / "Walks_TRAIN.ts"


def arrays(path: Path) -> Path:
    """NumPy arrays by split."""
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, 12, 12)).astype("uint8")
    labels = np.arange(ROWS) % 3
    np.savez(path, x_train=pixels, y_train=labels, x_val=pixels[:20], y_val=labels[:20])
    return path


def columns(path: Path) -> Path:
    """A Parquet file."""
    draw = np.random.default_rng(0)
    made = {"a": draw.normal(size=ROWS), "b": [f"{n % 4}x" for n in range(ROWS)], "label": [n % 3 for n in range(ROWS)]}
    pyarrow.parquet.write_table(pyarrow.table(made), path)
    return path


def tables_by_split(path: Path) -> Path:
    """A folder with a table for training and one for test."""
    path.mkdir()
    houses(path / "train.csv")
    houses(path / "test.csv")
    return path


def prepared(folder: Path) -> None:
    """A set of TensorFlow Datasets called `made_here`, prepared in this folder."""
    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(12, 12, 3)), "label": tfds.features.ClassLabel(names=["left", "right"])}
    )
    pixels = np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3)).astype("uint8")
    rows = [(n, {"image": pixels[n], "label": n % 2}) for n in range(60)]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="made_here", version="1.0.0", features=features, split_datasets={"train": rows, "test": rows[:20]},
        data_dir=folder,
    )  # fmt: skip


# What is given, by the name of the file or folder, and what makes it.
FILES: dict[str, Callable[[Path], Path]] = {
    "people.csv": people,
    "houses.csv": houses,
    "sales.csv": sales,
    "digits_8": digits,
    "pets": pets,
    "texts": texts,
    "comments.csv": comments,
    "walks": walks,
    "arrays.npz": arrays,
    "columns.parquet": columns,
    "by_split": tables_by_split,
}
