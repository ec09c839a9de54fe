"""How fast examples are read, against pipelines by hand: images from memory maps, and files of images.

Each peer takes its turn in every repeat, in one process, so that what else the machine does falls on all alike. Batches
are consumed inside of a compiled program, as in training. A line of JSON for each measure, with ratios of medians.

    python benchmarks/reading.py [--repeats 5] [--images 60000] [--files 2000]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from machine import describe_machine
from PIL import Image

BATCH = 32
SIDE = 64


def rounds(peers: Mapping[str, Callable[[], float]], repeats: int, what: str) -> None:
    """Run every peer in turn, and print rates (examples per second) and their ratios to the first.

    Beside them, seconds of the processor that each turn took: other work on the machine disturbs these less.
    """
    found: dict[str, list[float]] = {name: [] for name in peers}
    spent: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, peer in peers.items():
            before = time.process_time()
            found[name].append(peer())
            spent[name].append(time.process_time() - before)
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    seconds = {name: round(statistics.median(times), 3) for name, times in spent.items()}
    first, *others = medians
    ratios = {name: round(medians[first] / medians[name], 2) for name in others}
    in_cpu = {name: round(seconds[name] / seconds[first], 2) for name in others}
    every = {"median": medians, "all": found, f"{first} to": ratios, "cpu": seconds, f"cpu, {first} to": in_cpu}
    print(json.dumps({"measure": what, **every}), flush=True)


@tf.function(reduce_retracing=True)
def _examples(dataset: tf.data.Dataset) -> tf.Tensor:
    seen = tf.constant(0)
    for batch in dataset:
        seen += tf.shape(tf.nest.flatten(batch)[0])[0]
    return seen


def of_dataset(make: Callable[[], tf.data.Dataset], count: int) -> float:
    """Examples per second of a pipeline of batches, which is made first, taken in a compiled program."""
    start = time.perf_counter()
    seen = int(_examples(make()))
    assert seen == count, (seen, count)
    return count / (time.perf_counter() - start)


class Consumer:
    """Takes the batches of feeders alike in a compiled program, as training does."""

    def __init__(self) -> None:
        self._feeder: Any = None
        self._take = tf.function(self._all, reduce_retracing=True)

    def _all(self, tensors: Any, steps: tf.Tensor) -> tf.Tensor:
        seen = tf.constant(0)
        for step in tf.range(steps):
            seen += tf.shape(self._feeder.pick(tensors, step).inputs["image"])[0]
        return seen

    def rate(self, make: Callable[[], Any], epoch: int, count: int) -> float:
        """Examples per second over an epoch of a feeder, which is made first."""
        start = time.perf_counter()
        self._feeder = make()
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
    consumer = Consumer()
    consumer.rate(lambda: feeder, 0, count)  # which compiles
    held = np.asarray(mapped)
    slices = tf.data.Dataset.from_tensor_slices((held, labels))
    by_hand = slices.shuffle(10_000).batch(BATCH).prefetch(2)
    cached = slices.cache(str(folder / "cached")).shuffle(10_000).batch(BATCH).prefetch(2)
    for _ in cached:  # which writes its file
        pass
    epochs = iter(range(10**6))
    rounds(
        {
            "dlkit": lambda: consumer.rate(lambda: feeder, next(epochs), count),
            "from_tensor_slices": lambda: of_dataset(lambda: by_hand, count),
            "cache(file)": lambda: of_dataset(lambda: cached, count),
        },
        repeats,
        f"{count:,} shuffled images of {SIDE} x {SIDE} x 3, batches of {BATCH}",
    )


def write_images(folder: Path, count: int) -> None:
    """JPEG files of 224 x 224 in two folders of classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (28, 28, 3)).astype(np.uint8))
        small.resize((224, 224)).save(path, quality=90)


def pixels(path: tf.Tensor) -> tf.Tensor:
    """Decoded as dlkit does, to the bits that Pillow gives: the default is quicker and coarser."""
    return tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")


def resized(path: tf.Tensor) -> tf.Tensor:
    """The operations of `resize`."""
    return tf.cast(tf.round(tf.image.resize(pixels(path), (SIDE, SIDE), antialias=True)), tf.uint8)


def image_files(count: int, repeats: int, folder: Path) -> None:
    """A folder of JPEG files of 224 x 224, resized to 64 x 64: opening it, the first epoch, and a later one.

    By hand, the paths are known before. Opening reads the headers of all files, for their sizes and colours. An epoch
    begins with making its pipeline or host stage; the programs that take batches were compiled before.
    """
    from dlkit.data.feeding import make_feeder
    from dlkit.data.load import load_splits
    from dlkit.data.prepare import fit_and_stage
    from dlkit.data.store import clear
    from dlkit.schema.data import Data

    write_images(folder / "jpeg", count)
    section = data(preprocess=[{"resize": {"height": SIDE, "width": SIDE}}], cache="disk").model_dump()
    settings = Data.model_validate({**section, "source": {"kind": "image_folder", "path": str(folder / "jpeg")}})
    paths = [str(path) for path in sorted((folder / "jpeg").glob("*/*.jpg"))]

    def files(of_path: Callable[[tf.Tensor], tf.Tensor]) -> tf.data.Dataset:
        shuffled = tf.data.Dataset.from_tensor_slices(paths).shuffle(count)
        return shuffled.map(of_path, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(2)

    epochs = iter(range(10**6))
    splits, consumer = load_splits(settings), Consumer()

    def opened() -> float:
        start = time.perf_counter()
        load_splits(settings)
        return count / (time.perf_counter() - start)

    def feeder() -> Any:
        staged = fit_and_stage(splits, settings)[1]
        return make_feeder(staged.train, staged.spec, settings, training=True)

    def epoch() -> float:
        return consumer.rate(feeder, next(epochs), count)

    def cold() -> float:
        clear()
        return epoch()

    peers = {
        "dlkit, first": cold,
        "by hand": lambda: of_dataset(lambda: files(resized), count),
        "dlkit, later": epoch,
        "bare decoding": lambda: of_dataset(lambda: files(lambda path: tf.shape(pixels(path))), count),
        "dlkit, opening": opened,
    }
    for peer in peers.values():
        peer()  # which compiles
    rounds(peers, repeats, f"{count:,} JPEG files of 224 x 224, to {SIDE} x {SIDE}, one epoch")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--files", type=int, default=2_000)
    options = parser.parse_args()
    print(json.dumps(describe_machine()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLKIT_CACHE"] = f"{folder}/store"
        shuffled_images(options.images, options.repeats, Path(folder))
        image_files(options.files, options.repeats, Path(folder))


if __name__ == "__main__":
    main()
