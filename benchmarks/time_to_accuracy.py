"""Seconds from the start of a process to 99 % on the test images of MNIST: the tutorials' script against dlkit.

The script trains the tutorials' network with `fit` and ends with the first epoch whose test accuracy is high enough; it
saves nothing. dlkit trains configs/mnist_fast.yaml, which is tested once, at its end, and saves run and model. The two
run in turn, each as a new process, every pair with a seed of its own.

    python benchmarks/time_to_accuracy.py [--repeats 3] [--batch-size 64] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from intervals import paired_ratio
from mnist_npz import write_npz

HERE = Path(__file__).parent
CONFIG = HERE.parent / "configs" / "mnist_fast.yaml"
ACCURACY = 0.99


class Pair(NamedTuple):
    """Seconds and test accuracies of the two with one seed."""

    seed: int
    tutorial_batch_size: int
    tutorial_epochs: int
    tutorial: float
    tutorial_accuracy: float
    dlkit: float
    dlkit_accuracy: float


def main() -> None:
    """Measure, and print a table."""
    options = _options()
    found: list[Pair] = []
    with tempfile.TemporaryDirectory() as folder, Path(options.out).open("a") as kept:
        path = write_npz(Path(folder) / "mnist.npz", validation=0)
        print("| seed | tutorial, s | its epochs | its accuracy | dlkit, s | its accuracy | times as soon |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for seed in range(options.repeats):
            by_hand, its, epochs = _tutorial(path, seed, options.batch_size)
            ours, our = _dlkit(Path(folder), seed)
            found.append(Pair(seed, options.batch_size, epochs, by_hand, its, ours, our))
            print(json.dumps(found[-1]._asdict()), file=kept, flush=True)
            row = f"| {seed} | {by_hand:.1f} | {epochs} | {its:.4f} | {ours:.1f} | {our:.4f} | {by_hand / ours:.2f} |"
            print(row, flush=True)
    tutorials, dlkits = [pair.tutorial for pair in found], [pair.dlkit for pair in found]
    middle, our_middle = statistics.median(tutorials), statistics.median(dlkits)
    print(f"\nMedians {middle:.1f} and {our_middle:.1f} s; {paired_ratio(tutorials, dlkits)} times as soon.")
    if missed := [pair.seed for pair in found if pair.dlkit_accuracy < ACCURACY]:
        sys.exit(f"dlkit did not reach {ACCURACY} with the seeds {missed}")


def _tutorial(path: Path, seed: int, batch_size: int) -> tuple[float, float, int]:
    """Seconds, accuracy and epochs of the tutorials' script."""
    seconds, output = _run([str(HERE / "tutorial.py"), str(path), str(seed), str(ACCURACY), str(batch_size)])
    *_, epochs, accuracy = output.split()
    return seconds, float(accuracy), int(epochs)


def _dlkit(folder: Path, seed: int) -> tuple[float, float]:
    """Seconds and accuracy of dlkit."""
    words = ["-m", "dlkit", "train", str(CONFIG), f"seed={seed}", "--runs", str(folder), "--json"]
    seconds, output = _run(words)
    return seconds, json.loads(output)["test"]["accuracy"]


def _run(words: list[str]) -> tuple[float, str]:
    # Compiled bytecode is kept, as on a user's machine.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True, env=environment)
    return time.perf_counter() - began, done.stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the time to 99 % test accuracy on MNIST.")
    parser.add_argument("--repeats", type=int, default=3, help="pairs, each with its seed")
    parser.add_argument("--batch-size", type=int, default=64, help="of the tutorials' script; Keras's own is 32")
    parser.add_argument("--out", default="time_to_accuracy.jsonl", help="file that the raw figures are added to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
