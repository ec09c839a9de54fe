"""Whole-process time of a one-epoch run against the hand-written script: imports, compilation, training, test, save.

The two run in turn, each as a new process; figures are medians, the ratio is the median of the ratios pair by pair.

    python benchmarks/whole_process.py [repeats]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mnist_npz import write_npz

HERE = Path(__file__).parent
BATCH_SIZE = "64"


def main() -> None:
    """Measure, and print a table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    # Compiled bytecode is kept, as on a user's machine.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        path = write_npz(Path(folder) / "mnist.npz")
        print(f"{'model':6} {'by hand, s':>11} {'dlkit, s':>9} {'ratio':>6} {'lowest':>7} {'highest':>8}")
        for model in ("cnn", "mlp", "rnn"):
            by_hand = [str(HERE / "handwritten.py"), model, str(path), BATCH_SIZE, "1"]
            config = str(HERE.parent / "configs" / f"mnist_{model}.yaml")
            ours = ["-m", "dlkit", "train", config, "training.epochs=1", "--runs", folder]
            seconds: dict[str, list[float]] = {"by hand": [], "dlkit": []}
            for repeat in range(repeats + 1):
                for side, command in (("by hand", by_hand), ("dlkit", ours)):
                    began = time.perf_counter()
                    subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
                    # The first pair only warms the disk cache.
                    if repeat:
                        seconds[side].append(time.perf_counter() - began)
            ratios = [d / h for d, h in zip(seconds["dlkit"], seconds["by hand"], strict=True)]
            print(
                f"{model:6} {statistics.median(seconds['by hand']):11.1f} {statistics.median(seconds['dlkit']):9.1f} "
                f"{statistics.median(ratios):6.2f} {min(ratios):7.2f} {max(ratios):8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
