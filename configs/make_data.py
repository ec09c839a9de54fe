"""Makes the files that some configurations of this folder read, in `configs/data/`: python configs/make_data.py

digits/      scikit-learn's 1,797 images of handwritten digits as PNG files, a folder for each digit
digits.csv   the same as a table: 64 numbers and the digit
houses.csv   a table of mixed columns with holes, made up: its price follows from its columns, with noise
tones/       sounds of four instruments, made up: sums of sine tones with noise, one second each

What is made up shows how such data are read; its figures say nothing of real data.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from sklearn.datasets import load_digits

FOLDER = Path(__file__).parent / "data"
RATE = 8000
# How loud each overtone of an instrument is.
INSTRUMENTS = {
    "bell": (1.0, 0.0, 0.7, 0.0, 0.5),
    "flute": (1.0, 0.1, 0.05),
    "organ": (1.0, 0.8, 0.0, 0.6),
    "string": (1.0, 0.6, 0.4, 0.3, 0.2, 0.1),
}


def digits() -> None:
    """The digits as files and as a table."""
    images, labels = load_digits(return_X_y=True)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = FOLDER / "digits" / str(label) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image.reshape(8, 8) * 255 / 16).round().astype(np.uint8)).save(path)
    header = [f"pixel_{number:02}" for number in range(64)]
    with (FOLDER / "digits.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*header, "digit"])
        rows.writerows([*map(int, image), int(label)] for image, label in zip(images, labels, strict=True))


def houses(count: int = 3000) -> None:
    """A table of numbers and words, some of them missing."""
    random = np.random.default_rng(0)
    districts = {"centre": 1.5, "harbour": 1.3, "hill": 1.1, "north": 0.9, "south": 0.8}
    with (FOLDER / "houses.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "area", "rooms", "built", "district", "heating", "price"])
        for number in range(count):
            area = random.gamma(9, 11)
            rooms = max(1, round(area / 28 + random.normal()))
            built = int(random.integers(1900, 2025))
            district, heating = random.choice(list(districts)), random.choice(["gas", "heat pump", "oil", ""])
            price = 2500 * area**0.9 * districts[district] * (1 + (built - 1960) / 400) * random.lognormal(0, 0.1)
            price *= 1.05 if heating == "heat pump" else 1.0
            holes = random.random(2) < 0.08
            rows.writerow(
                [f"{number:05}", "" if holes[0] else f"{area:.1f}", rooms, "" if holes[1] else built, district, heating,
                 round(price)]
            )  # fmt: skip


def tones(count: int = 60) -> None:
    """Sounds as files, a folder for each instrument."""
    random, time = np.random.default_rng(0), np.arange(RATE) / RATE
    for name, loudness in INSTRUMENTS.items():
        for number in range(count):
            pitch = random.uniform(150, 400)
            sound = sum(
                loud * np.sin(2 * np.pi * pitch * (n + 1) * time + random.uniform(0, 6))
                for n, loud in enumerate(loudness)
            )
            sound = sound * np.exp(-time * random.uniform(1, 4)) + random.normal(0, 0.05, RATE)
            path = FOLDER / "tones" / name / f"{number:02}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.3 * sound / np.abs(sound).max(), RATE)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    digits()
    houses()
    tones()
    print(f"made {', '.join(sorted(path.name for path in FOLDER.iterdir()))} in {FOLDER}")
