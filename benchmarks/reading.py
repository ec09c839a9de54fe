"""How fast examples are read, against pipelines by hand: images from memory maps, files of images, tables of text.

Each peer takes its turn in every repeat, in one process, so that what else the machine does falls on all alike. Batches
are consumed inside of a compiled program, as in training. A line of JSON for each measure, with ratios of medians.

    python benchmarks/reading.py [--repeats 5] [--images 60000] [--files 2000] [--rows 1000000] [--only tables]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
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
from PIL import Image

pandas: Any = import_module("pandas") if find_spec("pandas") else None

BATCH = 32
SIDE = 64
# Of tables: rows of a batch, and ids of each column of words.
ROWS, IDS = 1024, 64


def rounds(peers: Mapping[str, Callable[[], float]], repeats: int, what: str) -> None:
    """Run every peer in turn, and print rates (examples per second) and their ratios to the first."""
    found: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, peer in peers.items():
            found[name].append(peer())
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    first, *others = medians
    ratios = {name: round(medians[first] / medians[name], 2) for name in others}
    print(json.dumps({"measure": what, "median": medians, "all": found, f"{first} to": ratios}), flush=True)


def of_dataset(dataset: tf.data.Dataset, count: int) -> float:
    """Examples per second of a pipeline of batches."""
    start = time.perf_counter()
    seen = int(dataset.reduce(np.int64(0), lambda n, x, *_: n + tf.shape(tf.nest.flatten(x)[0], tf.int64)[0]))
    assert seen == count, (seen, count)
    return count / (time.perf_counter() - start)


class Consumer:
    """Takes the batches of a feeder in a compiled program, as training does."""

    def __init__(self, feeder: Any) -> None:
        self._feeder = feeder
        self._take = tf.function(self._all, reduce_retracing=True)

    def _all(self, tensors: Any, steps: tf.Tensor) -> tf.Tensor:
        seen = tf.constant(0)
        for step in tf.range(steps):
            seen += tf.shape(self._feeder.pick(tensors, step).inputs["image"])[0]
        return seen

    def rate(self, epoch: int, count: int) -> float:
        """Examples per second over an epoch."""
        start = time.perf_counter()
        blocks = self._feeder.blocks(0, epoch)
        seen = sum(int(self._take(block.tensors, tf.constant(block.steps))) for block in blocks)
        assert seen == count, (seen, count)
        return count / (time.perf_counter() - start)


def data(**settings: Any) -> Any:
    """Settings of `data` with an image and its class."""
    from dlkit.schema.loader import from_mapping

    steps = settings.pop("preprocess", [])
    inputs = {"image": {"kind": "image", "preprocess": steps}}
    section = {"inputs": inputs, "targets": {"label": {"kind": "category"}}, "batch_size": BATCH, **settings}
    mapping = {"name": "reading", "data": section, "model": {"builder": "mlp"}}
    return from_mapping(mapping, needs_source=False).config.data


def shuffled_images(count: int, repeats: int, folder: Path) -> None:
    """Shuffled uint8 images from a memory map, larger than what is held on the device."""
    from dlkit.data.contract import in_memory
    from dlkit.data.feeding import PipelineFeeder

    path = folder / "images.npy"
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIDE, SIDE, 3))
    random = np.random.default_rng(0)
    for start in range(0, count, 1000):
        images[start : start + 1000] = random.integers(0, 256, images[start : start + 1000].shape)
    mapped = np.load(path, mmap_mode="r")
    labels = np.zeros(count, np.int32)
    feeder = PipelineFeeder(
        in_memory({"image": mapped}, {"label": labels}), BATCH, SIDE * SIDE * 3, shuffle=True, pad=False
    )
    consumer = Consumer(feeder)
    consumer.rate(0, count)  # which compiles
    held = np.asarray(mapped)
    slices = tf.data.Dataset.from_tensor_slices((held, labels))
    by_hand = slices.shuffle(10_000).batch(BATCH).prefetch(2)
    cached = slices.cache(str(folder / "cached")).shuffle(10_000).batch(BATCH).prefetch(2)
    for _ in cached:  # which writes its file
        pass
    epochs = iter(range(10**6))
    rounds(
        {
            "dlkit": lambda: consumer.rate(next(epochs), count),
            "from_tensor_slices": lambda: of_dataset(by_hand, count),
            "cache(file)": lambda: of_dataset(cached, count),
        },
        repeats,
        f"{count:,} shuffled images of {SIDE} x {SIDE} x 3, batches of {BATCH}",
    )


def image_files(count: int, repeats: int, folder: Path) -> None:
    """A folder of JPEG files of 224 x 224, resized to 64 x 64: opening it, the first epoch, and a later one.

    By hand, the paths are known before. Opening reads the headers of all files, for their sizes and colours.
    """
    from dlkit.data.feeding import make_feeder
    from dlkit.data.load import load_splits
    from dlkit.data.prepare import fit_and_stage
    from dlkit.data.store import clear
    from dlkit.schema.data import Data

    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / "jpeg" / "ab"[number % 2] / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (28, 28, 3)).astype(np.uint8))
        small.resize((224, 224)).save(path, quality=90)
    section = data(preprocess=[{"resize": {"height": SIDE, "width": SIDE}}], cache="disk").model_dump()
    settings = Data.model_validate({**section, "source": {"kind": "image_folder", "path": str(folder / "jpeg")}})
    paths = [str(path) for path in sorted((folder / "jpeg").glob("*/*.jpg"))]

    def decoded(path: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.cast(tf.round(tf.image.resize(image, (SIDE, SIDE), antialias=True)), tf.uint8)

    files = tf.data.Dataset.from_tensor_slices(paths).shuffle(count)
    by_hand = files.map(decoded, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(2)
    bare = files.map(lambda path: tf.shape(tf.io.decode_jpeg(tf.io.read_file(path))), tf.data.AUTOTUNE).batch(BATCH)
    epochs = iter(range(10**6))
    splits = load_splits(settings)

    def opened() -> float:
        start = time.perf_counter()
        load_splits(settings)
        return count / (time.perf_counter() - start)

    def epoch() -> float:
        start = time.perf_counter()
        staged = fit_and_stage(splits, settings)[1]
        feeder = make_feeder(staged.train, staged.spec, settings, training=True)
        Consumer(feeder).rate(next(epochs), count)
        return count / (time.perf_counter() - start)

    def cold() -> float:
        clear()
        return epoch()

    peers = {
        "dlkit, first": cold,
        "by hand": lambda: of_dataset(by_hand, count),
        "dlkit, later": epoch,
        "bare decoding": lambda: of_dataset(bare, count),
        "dlkit, opening": opened,
    }
    rounds(peers, repeats, f"{count:,} JPEG files of 224 x 224, to {SIDE} x {SIDE}, one epoch")


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


def tables(count: int, repeats: int, folder: Path) -> None:
    """A table of 20 numbers and 2 words in text: opened, prepared, and trained for one epoch.

    pandas has its arrays trained by the same loop. `make_csv_dataset` is spared all passes before the epoch: its words
    are hashed, and its numbers stay as they are.
    """
    from dlkit.data.contract import in_memory
    from dlkit.data.feeding import DeviceFeeder, make_feeder
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

    def by_hand() -> int:
        dataset = tf.data.experimental.make_csv_dataset(
            str(path), ROWS, label_name="label", num_epochs=1, num_parallel_reads=2
        )

        def tensors(columns: Mapping[str, tf.Tensor], label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            words = [tf.strings.to_hash_bucket_fast(columns[name], IDS) for name in ("job", "city")]
            numbers = tf.stack([columns[name] for name in names], axis=1)
            return numbers, tf.cast(tf.stack(words, axis=1), tf.int32), label

        return Network().fit_dataset(dataset.map(tensors, num_parallel_calls=2).prefetch(2))

    def by_pandas() -> int:
        frame = pandas.read_csv(path)
        numbers = frame[names].to_numpy(np.float32)
        ids = np.stack([pandas.factorize(frame[name])[0] for name in ("job", "city")], axis=1).astype(np.int32)
        rows = in_memory({"n": numbers, "w": ids}, {"label": frame["label"].to_numpy(np.int32)})
        feeder = DeviceFeeder(rows, ROWS, shuffle=True, pad=False)
        return Network().fit_feeder(feeder, numbers.mean(axis=0), 1 / numbers.std(axis=0))

    peers = {"dlkit": by_dlkit, "make_csv_dataset": by_hand}
    what = f"{count:,} rows of 20 numbers and 2 words in text, opened, prepared and trained for an epoch"
    if pandas is None:
        print(json.dumps({"measure": what, "left out": "pandas, which is not installed"}), flush=True)
    else:
        peers["pandas"] = by_pandas
    rounds({name: partial(timed, peer) for name, peer in peers.items()}, repeats, what)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["images", "files", "tables"])
    options = parser.parse_args()
    print(json.dumps(describe_machine()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLKIT_CACHE"] = f"{folder}/store"
        for name, measure, count in (
            ("images", shuffled_images, options.images),
            ("files", image_files, options.files),
            ("tables", tables, options.rows),
        ):
            if options.only in (None, name):
                measure(count, options.repeats, Path(folder))


if __name__ == "__main__":
    main()
