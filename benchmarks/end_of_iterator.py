"""How long TensorFlow waits at the end of a tf.data iterator, and what is left of that in dlkit.

The same pipeline is read to its end again and again, in turn as a plain `for` loop does it, which gives up the iterator
in the end, and by `dlkit.elements`, which lets a thread do that.

    python benchmarks/end_of_iterator.py [--repeats 12]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from dlkit.elements import elements

SIZES = (100, 400, 1600)


def pipeline(size: int) -> tf.data.Dataset:
    """Elements that take some milliseconds each, made in parallel."""

    def make(i: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.random.stateless_normal((200, 2000), tf.stack([i, i])))

    return tf.data.Dataset.range(size).map(make, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def read(source: Iterable[tf.Tensor]) -> tuple[float, float]:
    """Seconds until the last element was there, and from then until the loop was left."""
    began = last = time.perf_counter()
    for _ in source:
        last = time.perf_counter()
    return last - began, time.perf_counter() - last


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=12)
    repeats = parser.parse_args().repeats
    print("| seconds that an iterator lives | plain loop: ends that waited | longest wait | mean | dlkit: longest |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        lives, waits, ours = [], [], []
        for _ in range(repeats):
            lived, waited = read(pipeline(size))
            lives.append(lived)
            waits.append(waited)
            ours.append(read(elements(pipeline(size)))[1])
        late = sum(wait > 0.05 for wait in waits)
        figures = f"{late} of {repeats} | {max(waits):.2f} s | {statistics.mean(waits):.2f} s | {max(ours):.2f} s"
        print(f"| {statistics.median(lives):.1f} | {figures} |")


if __name__ == "__main__":
    main()
