"""How soon texts of a table are trained on, beside what Keras's `TextVectorization` alone needs for them.

dlkit's time is that of a run from its start to its first update: the file is opened, texts are checked, the vocabulary
is fitted, all texts are taken apart, data are examined, the network is built and compiled. The peer has its texts in
memory, adapts its vocabulary, and takes them apart once. Each takes its turn in every repeat, in one process. A line of
JSON, with ratios of medians.

    python benchmarks/texts.py [--repeats 3] [--texts 100000]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from machine import describe_machine
from reading import rounds

# Words of a text at most, and different ones.
LONGEST, DIFFERENT = 29, 30_000


def write_texts(path: Path, count: int) -> list[str]:
    """Write a table of texts of 5 to 29 made-up words, some of them frequent, with a label; the texts."""
    random = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    words = np.array(["".join(random.choice(letters, random.integers(2, 10))) for _ in range(DIFFERENT)])
    texts = []
    for _ in range(count):
        ranks = np.minimum(random.zipf(1.2, random.integers(5, LONGEST + 1)), DIFFERENT) - 1
        texts.append(" ".join(words[ranks]).capitalize() + ".")
    labels = random.integers(0, 2, count)
    path.write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in zip(texts, labels, strict=True))]))
    return texts


def to_the_first_update(path: Path, folder: Path, count: int) -> float:
    """Texts per second, from the start of a run to its first update."""
    import dlkit
    from dlkit.training.listeners import Listener

    class FirstUpdate(Listener):
        """Notes when the first update has been made."""

        at = 0.0

        def progressed(self, epoch: int, step: int, rate: float, logs: dict[str, float]) -> None:
            self.at = self.at or time.perf_counter()

    config = {
        "name": "texts",
        "data": {
            "source": {"kind": "csv", "path": str(path)},
            "inputs": {"text": {"kind": "text"}},
            "targets": {"label": {"kind": "category"}},
        },
        "model": {"builder": "mlp"},
        "training": {"epochs": 1, "max_steps": 1, "baselines": "off"},
    }
    listener = FirstUpdate()
    start = time.perf_counter()
    dlkit.train(config, runs_folder=folder, listener=listener)
    return count / (listener.at - start)


def by_keras(texts: list[str]) -> float:
    """Texts per second of a layer that learns its vocabulary and then takes them apart."""
    start = time.perf_counter()
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(1024)
    layer = keras.layers.TextVectorization(max_tokens=20_000, output_sequence_length=LONGEST)
    layer.adapt(dataset)
    for _ in dataset.map(layer, num_parallel_calls=2):
        pass
    return len(texts) / (time.perf_counter() - start)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--texts", type=int, default=100_000)
    options = parser.parse_args()
    print(json.dumps(describe_machine()), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DLKIT_CACHE"] = f"{folder}/store"
        texts = write_texts(folder / "texts.csv", options.texts)
        peers = {
            "dlkit": partial(to_the_first_update, folder / "texts.csv", folder / "runs", options.texts),
            "TextVectorization": partial(by_keras, texts),
        }
        write_texts(folder / "few.csv", 100)
        to_the_first_update(folder / "few.csv", folder / "first", 100)  # which imports what both need
        rounds(peers, options.repeats, f"{options.texts:,} texts in CSV, to the first update")


if __name__ == "__main__":
    main()
