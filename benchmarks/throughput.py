"""Training throughput of several ways to train the same network, measured side by side.

Every row runs in a process of its own, on the same float32 images. In each repeat every row takes its turn, so that
what else the machine does falls on all alike: a turn is as many whole epochs as fill `--seconds`, after one that
compiled. What is measured is kept as lines of JSON, from which report.py makes the tables.

    python benchmarks/throughput.py [--models cnn,mlp] [--batches 32,256] [--rows fit,dlkit] [--repeats 6]
        [--torch-python PATH] [--before CHECKOUT] [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import report
from machine import describe_machine
from mnist_npz import write_npz
from rows import IMAGES, ROWS, Row

HERE = Path(__file__).parent
# Rows that start and compile at the same time.
TOGETHER = 2


class Worker:
    """The process of one row."""

    def __init__(self, row: Row, model: str, batch: int, data: Path, options: argparse.Namespace) -> None:
        self.row, self.note = row, ""
        python = options.torch_python if row.torch else sys.executable
        here = options.before / "benchmarks" if row.before else HERE
        script = here / ("rows_torch.py" if row.torch else "worker.py")
        words = [
            row.name.removesuffix("-before"),
            model,
            str(batch),
            str(data),
            str(IMAGES[model]),
            str(options.seconds),
        ]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, str(script), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | {"PYTHONPATH": str(here.parent)},
        )

    def wait_until_ready(self) -> None:
        """Return when the first epoch is over."""
        self.note = self._answer()["note"]

    def measure(self) -> dict[str, Any]:
        """Let it train; gives seconds, images, loss and accuracy."""
        assert self._process.stdin
        print("go", file=self._process.stdin, flush=True)
        return self._answer()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            message = "".join(self._errors.readlines()[-20:])
            sys.exit(f"{message}\nthe row `{self.row.name}` ended while it was measured")
        answer: dict[str, Any] = json.loads(line)
        return answer


def main() -> None:
    """Measure, keep, and print the tables."""
    options = _options()
    out = Path(options.out)
    rows = [row for row in ROWS if row.name in options.rows]
    if options.torch_python is None:
        left_out = [row.name for row in rows if row.torch]
        rows = [row for row in rows if not row.torch]
        if left_out:
            print(f"left out, for want of --torch-python: {', '.join(left_out)}", file=sys.stderr)
    rows = [row for row in rows if options.before or not row.before]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, out.open("a") as kept:
        _keep(kept, describe_machine(options.torch_python))
        data = write_npz(Path(folder) / "mnist.npz")
        for model in options.models:
            for batch in options.batches:
                _measure(rows, model, batch, data, options, kept)
                print(f"{model} {batch}: after {(time.monotonic() - began) / 60:.1f} minutes", file=sys.stderr)
    print(report.tables(report.read(out)))


def _measure(rows: list[Row], model: str, batch: int, data: Path, options: argparse.Namespace, kept: IO[str]) -> None:
    """All repeats of all rows for one network and batch size."""
    with _started(rows, model, batch, data, options) as workers:
        for repeat in range(options.repeats):
            for worker in workers:
                what = {"row": worker.row.name, "model": model, "batch": batch, "repeat": repeat, "note": worker.note}
                _keep(kept, what | worker.measure())


@contextlib.contextmanager
def _started(
    rows: list[Row], model: str, batch: int, data: Path, options: argparse.Namespace
) -> Iterator[list[Worker]]:
    """The rows' processes, ready; one that tries several ways starts by itself, so that nothing disturbs its trial."""
    workers: list[Worker] = []
    try:
        waiting: list[Worker] = []
        for row in sorted(rows, key=lambda row: row.tries):
            if row.tries or len(waiting) == TOGETHER:
                for worker in waiting:
                    worker.wait_until_ready()
                waiting = []
            workers.append(Worker(row, model, batch, data, options))
            waiting.append(workers[-1])
        for worker in waiting:
            worker.wait_until_ready()
        yield sorted(workers, key=lambda worker: rows.index(worker.row))
    finally:
        for worker in workers:
            worker.stop()


def _keep(kept: IO[str], content: dict[str, Any]) -> None:
    print(json.dumps(content), file=kept, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure training throughput.")
    names = [row.name for row in ROWS]
    parser.add_argument("--models", type=_words, default=list(IMAGES), help=f"some of {','.join(IMAGES)}")
    parser.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[32, 256])
    parser.add_argument("--rows", type=_words, default=names, help=f"some of {','.join(names)}")
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=2.0, help="shortest turn of a row")
    parser.add_argument("--torch-python", help="interpreter of an environment that has torch and lightning")
    parser.add_argument("--before", type=Path, help="checkout of another commit, whose dlkit is measured as well")
    parser.add_argument("--out", default="throughput.jsonl", help="file that the raw figures are added to")
    options = parser.parse_args()
    for given, known in ((options.models, IMAGES), (options.rows, names)):
        if unknown := sorted(set(given) - set(known)):
            parser.error(f"not known: {', '.join(unknown)}; there are {', '.join(known)}")
    return options


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
