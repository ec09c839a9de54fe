"""`python -m tests.torture`: kill runs of every case, and say how they ended."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

from tests.torture import forks, runs
from tests.torture.cases import CASES, make_data
from tests.torture.control import torture as control


def main() -> int:
    """Kill, print a table, and fail if any run did not end with the same bits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=10, help="kills of each case")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--cases", default="", help="only those whose name has this in it")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", type=int, default=0, help="kills of Keras's BackupAndRestore")
    words = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        runs.load_everything()
        cases = [case for case in CASES if words.cases in str(case)]
        sources = {case.source for case in cases}
        if forks.finish(forks.fork(lambda: make_data(place, sources), place / "log")):
            sys.exit((place / "log").read_text())
        jobs = [(str(case), lambda case=case: _case(case, place, words)) for case in cases]
        if words.control:
            jobs.append(("BackupAndRestore", lambda: control(place / "control", kills=words.control, seed=words.seed)))
        rows = _side_by_side(jobs, place, words.workers)
    print(f"{'runs':24} {'kills':>6} {'cut write':>11} {'in mid-epoch':>13} {'runs':>5} {'same bits':>10}")
    for name, row in rows.items():
        message = [row["kills"], row["in_write"], row["in_epoch"], row["runs"], row["same"]]
        print(f"{name:24} {message[0]:6} {message[1]:11} {message[2]:13} {message[3]:5} {message[4]:10}")
        for failure in row["failed"]:
            print(f"  failed: {failure}")
    ours = [row for name, row in rows.items() if name != "BackupAndRestore"]
    print(f"{sum(r['kills'] for r in ours)} kills in {time.monotonic() - began:.0f} seconds")
    return int(any(row["failed"] or row["same"] != row["runs"] for row in ours))


def _case(case: runs.Case, place: Path, words: argparse.Namespace) -> runs.Row:
    folder = place / str(case).replace(" ", "-")
    return runs.torture(case, place, folder, kills=words.kills, epochs=words.epochs, seed=words.seed)


def _side_by_side(jobs: list, place: Path, workers: int) -> dict:
    """Each job in a process of its own, a few at a time; what they give, by name."""
    waiting, busy, rows = list(jobs), {}, {}
    while waiting or busy:
        while waiting and len(busy) < workers:
            name, job = waiting.pop(0)
            result = place / f"{name.replace(' ', '-')}.json"
            write = lambda job=job, result=result: result.write_text(json.dumps(asdict(job())))  # noqa: E731
            busy[forks.fork(write, place / "log")] = (name, result)
        number, status = os.wait()
        name, result = busy.pop(number)
        if status:
            sys.exit(f"{name}: {(place / 'log').read_text()}")
        rows[name] = json.loads(result.read_text())
        print(f"{name}: {rows[name]}", file=sys.stderr)
    return {name: rows[name] for name, _ in jobs}


if __name__ == "__main__":
    sys.exit(main())
