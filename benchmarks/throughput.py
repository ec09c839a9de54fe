"""Training throughput of the shipped MNIST models against hand-written `model.compile` and `model.fit`.

Both sides train on the same float32 arrays, each in a process of its own, in turn: fit, dlkit, fit, dlkit. A figure is
the median of the repeats; a ratio is the median of the ratios pair by pair. dlkit runs with everything it does by
default: metrics, checkpoints, determinism.

    python benchmarks/throughput.py [repeats]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from mnist_npz import write_npz

HERE = Path(__file__).parent
EXAMPLES = {"cnn": 12_800, "mlp": 51_200, "rnn": 12_800}


def main() -> None:
    """Measure, and print a table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        path = write_npz(Path(folder) / "mnist.npz")
        workers = {side: _start(side, path) for side in ("fit", "dlkit")}
        print("model  batch  fit, images/s  dlkit, images/s  ratio  lowest  highest")
        for model, examples in EXAMPLES.items():
            for batch in (32, 256):
                rates: dict[str, list[float]] = {"fit": [], "dlkit": []}
                for _ in range(repeats):
                    for side, worker in workers.items():
                        rates[side].append(examples / _ask(worker, f"{model} {batch} {examples}"))
                ratios = [d / f for d, f in zip(rates["dlkit"], rates["fit"], strict=True)]
                print(
                    f"{model:5}  {batch:5}  {statistics.median(rates['fit']):13,.0f}  "
                    f"{statistics.median(rates['dlkit']):15,.0f}  {statistics.median(ratios):5.2f}  "
                    f"{min(ratios):6.2f}  {max(ratios):7.2f}",
                    flush=True,
                )
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()


def _start(side: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "worker.py"), side, str(path), str(HERE.parent / "configs")]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _ask(worker: subprocess.Popen[str], line: str) -> float:
    assert worker.stdin and worker.stdout
    print(line, file=worker.stdin, flush=True)
    answer = worker.stdout.readline()
    if not answer:
        sys.exit(f"a worker ended while it measured: {line}")
    return float(answer)


if __name__ == "__main__":
    main()
