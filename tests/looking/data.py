"""Small sets of data in files, each with its configuration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

RANDOM = np.random.default_rng(3)
MODEL = "model: {builder: %s, dense: [4]}\ntraining: {epochs: 1}\n"


def written(folder: Path, name: str, data: str, builder: str = "mlp") -> Path:
    """A configuration with this data section."""
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\ndata:\n{data}  batch_size: 8\n{MODEL % builder}", encoding="utf-8")
    return path


def npz(folder: Path) -> Path:
    """Images of two sizes of noise, augmented, in splits."""
    x = RANDOM.integers(0, 256, (60, 12, 10, 3)).astype("uint8")
    y = np.arange(60) % 3
    np.savez(folder / "p.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    augment = "augment: [{random_translation: {height_factor: 0.3, width_factor: 0.3}}]"
    return written(
        folder,
        "pixels",
        "  source: {kind: npz, path: p.npz}\n"
        f"  inputs: {{image: {{kind: image, column: x, {augment}}}}}\n"
        "  targets: {label: {kind: category, column: y, classes: [cat, dog, owl]}}\n",
        "cnn",
    )


def csv(folder: Path) -> Path:
    """People: a missing age, a constant column, a city that occurs once, a row without a label."""
    rows = [
        f"{20 + n % 30},{1.5 * n},7,{'Berlin' if n % 3 else 'Rome'},{'high' if n % 4 else 'low'}" for n in range(40)
    ]
    rows[3], rows[5], rows[7] = ",4.5,7,Berlin,high", "25,7.5,7,Oslo,high", "27,10.5,7,Rome,"
    (folder / "people.csv").write_text("\n".join(["age,income,always,city,class", *rows]) + "\n")
    return written(
        folder,
        "people",
        "  source: {kind: csv, path: people.csv}\n"
        "  splits: {test: 25%}\n"
        "  clean: {drop: [missing]}\n"
        "  inputs:\n"
        "    x: {kind: number, columns: [age, income, always], preprocess: [fill_missing, normalize]}\n"
        "    city: {kind: category}\n"
        "  targets: {class: {kind: binary}}\n",
    )


def image_folder(folder: Path) -> Path:
    """Files of two sizes in folders of classes."""
    for n in range(24):
        name = folder / "photos" / ("bird", "cat")[n % 2]
        name.mkdir(parents=True, exist_ok=True)
        size = (20, 16) if n % 3 else (14, 14)
        Image.fromarray(RANDOM.integers(0, 256, (*size, 3)).astype("uint8")).save(name / f"{n:02}.png")
    return written(
        folder,
        "photos",
        "  source: {kind: image_folder, path: photos}\n"
        "  splits: {test: 25%}\n"
        "  inputs: {image: {kind: image, preprocess: [{resize: {height: 12, width: 12}}, rescale]}}\n"
        "  targets: {label: {kind: category}}\n",
        "cnn",
    )


def texts(folder: Path) -> Path:
    """Texts in a CSV file, one of them empty."""
    words = ["a good film", "a bad film, really", "good fun", "bad", "not bad at all"]
    rows = [f'"{words[n % 5]}",{n % 2}' for n in range(40)]
    rows[4] = '"",1'
    (folder / "films.csv").write_text("\n".join(["text,good", *rows]) + "\n")
    return written(
        folder,
        "films",
        "  source: {kind: csv, path: films.csv}\n"
        "  splits: {test: 25%}\n"
        "  inputs: {text: {kind: text}}\n"
        "  targets: {good: {kind: binary}}\n",
    )


def series(folder: Path) -> Path:
    """Sales by month, cut into windows."""
    rows = [f"{2000 + n // 12}-{n % 12 + 1:02}-01,{100 + n + 10 * (n % 12)}" for n in range(96)]
    (folder / "sales.csv").write_text("\n".join(["month,sales", *rows]) + "\n")
    return written(
        folder,
        "sales",
        "  source: {kind: timeseries, path: sales.csv, time: month, targets: sales, past: 12, horizon: 6}\n"
        "  splits: {by: time, test: 20%}\n"
        "  inputs: {past: {kind: sequence}}\n"
        "  targets: {future: {kind: forecast}}\n",
        "rnn",
    )


ALL = {"npz": npz, "csv": csv, "image_folder": image_folder, "texts": texts, "series": series}


def colours(path: Path) -> int:
    """How many colours a picture has."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))
