"""How fast a table of text is read and trained on, beside `make_csv_dataset` and pandas, where that is installed.

Each peer takes its turn in every repeat, in one process. A line of JSON, with ratios of medians.

    python benchmarks/tables.py [--repeats 3] [--rows 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from machine import describe_machine
from reading import rounds

pandas: Any = import_module("pandas") if find_spec("pandas") else None

# Rows of a batch, and ids of each column of words.
ROWS, IDS = 1024, 64


class Network:
    """Two layers over numbers and embeddings of ids, and the loop that trains it: the same for every peer."""

    def __init__(self) -> None:
        self._embeddings = keras.layers.Embedding(2 * IDS, 8)
        self._layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(2)]
        self._optimizer = keras.optimizers.Adam()
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def update(self, numbers: tf.Tensor, ids: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """One update; the number of its examples."""
        with tf.GradientTape() as tape:
            embedded = self._embeddings(ids + tf.constant([0, IDS]))
            x = tf.concat([numbers, tf.reshape(embedded, [-1, 16])], axis=1)
            for layer in self._layers:
                x = layer(x)
            loss = self._loss(labels, x)
        variables = [v for layer in (self._embeddings, *self._layers) for v in layer.trainable_variables]
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return tf.shape(numbers)[0]

    def fit_feeder(self, feeder: Any, mean: Any, scale: Any) -> int:
        """An epoch over arrays, with numbers that are brought to one scale; the number of examples."""

        @tf.function(reduce_retracing=True)
        def steps(tensors: Any, count: tf.Tensor) -> tf.Tensor:
            seen = tf.constant(0)
            for step in tf.range(count):
                inputs, targets, *_ = feeder.pick(tensors, step)
                seen += self.update((inputs["n"] - mean) * scale, inputs["w"], targets["label"])
            return seen

        return sum(int(steps(block.tensors, tf.constant(block.steps))) for block in feeder.blocks(0, 0))

    def fit_dataset(self, dataset: tf.data.Dataset) -> int:
        """An epoch over a pipeline of batches; the number of examples."""

        @tf.function
        def steps() -> tf.Tensor:
            seen = tf.constant(0)
            for numbers, ids, labels in dataset:
                seen += self.update(numbers, ids, labels)
            return seen

        return int(steps())


def write_table(path: Path, count: int) -> list[str]:
    """Write 20 columns of numbers, 2 of words and a label; the names of the numbers."""
    random = np.random.default_rng(0)
    names = [f"n{number}" for number in range(20)]
    form = ",".join(["%.6f"] * len(names))
    with path.open("w") as file:
        file.write(",".join([*names, "job", "city", "label"]) + "\n")
        for start in range(0, count, 10_000):
            rows = random.normal(size=(min(10_000, count - start), 20))
            words = random.integers(0, 50, (len(rows), 2))
            file.writelines(
                form % tuple(row) + f",job{a},city{b},{a % 2}\n" for row, (a, b) in zip(rows, words, strict=True)
            )
    return names


def by_hand(path: Path, names: list[str]) -> int:
    """An epoch over `make_csv_dataset`, spared all passes before it: words are hashed, numbers stay as they are."""
    dataset = tf.data.experimental.make_csv_dataset(
        str(path), ROWS, label_name="label", num_epochs=1, num_parallel_reads=2
    )

    def tensors(columns: Mapping[str, tf.Tensor], label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        words = [tf.strings.to_hash_bucket_fast(columns[name], IDS) for name in ("job", "city")]
        numbers = tf.stack([columns[name] for name in names], axis=1)
        return numbers, tf.cast(tf.stack(words, axis=1), tf.int32), label

    return Network().fit_dataset(dataset.map(tensors, num_parallel_calls=2).prefetch(2))


def by_pandas(path: Path, names: list[str]) -> int:
    """An epoch over arrays that pandas has read."""
    from dlkit.data.contract import in_memory
    from dlkit.data.feeding import DeviceFeeder

    frame = pandas.read_csv(path)
    numbers = frame[names].to_numpy(np.float32)
    ids = np.stack([pandas.factorize(frame[name])[0] for name in ("job", "city")], axis=1).astype(np.int32)
    rows = in_memory({"n": numbers, "w": ids}, {"label": frame["label"].to_numpy(np.int32)})
    feeder = DeviceFeeder(rows, ROWS, shuffle=True, pad=False)
    return Network().fit_feeder(feeder, numbers.mean(axis=0), 1 / numbers.std(axis=0))


def tables(count: int, repeats: int, folder: Path) -> None:
    """A table of 20 numbers and 2 words in text: opened, prepared, and trained for one epoch by the same loop."""
    from dlkit.data.feeding import make_feeder
    from dlkit.data.load import load_splits
    from dlkit.data.prepare import fit_and_stage
    from dlkit.schema.loader import from_mapping

    path = folder / "table.csv"
    names = write_table(path, count)
    section = {
        "source": {"kind": "csv", "path": str(path)},
        "inputs": {"n": {"kind": "number", "columns": "n*"}, "w": {"kind": "category", "columns": ["job", "city"]}},
        "targets": {"label": {"kind": "category"}},
        "batch_size": ROWS,
    }
    settings = from_mapping({"name": "table", "data": section, "model": {"builder": "mlp"}}).config.data

    def timed(train: Callable[[], int]) -> float:
        start = time.perf_counter()
        assert train() == count
        return count / (time.perf_counter() - start)

    def by_dlkit() -> int:
        staged = fit_and_stage(load_splits(settings), settings)[1]
        (state,) = staged.spec.inputs["n"].state["steps"]
        feeder = make_feeder(staged.train, staged.spec, settings, training=True)
        mean, variance = (np.array(state[name], np.float32) for name in ("mean", "variance"))
        return Network().fit_feeder(feeder, mean, 1 / np.sqrt(variance))

    peers = {"dlkit": by_dlkit, "make_csv_dataset": partial(by_hand, path, names)}
    what = f"{count:,} rows of 20 numbers and 2 words in text, opened, prepared and trained for an epoch"
    if pandas is None:
        print(json.dumps({"measure": what, "left out": "pandas, which is not installed"}), flush=True)
    else:
        peers["pandas"] = partial(by_pandas, path, names)
    rounds({name: partial(timed, peer) for name, peer in peers.items()}, repeats, what)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    print(json.dumps(describe_machine()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLKIT_CACHE"] = f"{folder}/store"
        tables(options.rows, options.repeats, Path(folder))


if __name__ == "__main__":
    main()
