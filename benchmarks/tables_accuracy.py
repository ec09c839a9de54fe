"""What `builder: mlp` gains on tables by piecewise-linear numbers, its default from 2,000 rows on, and by members.

Every network is trained on the same rows of a set in each of several random splits, with the settings that `dlkit init`
writes for so many rows; nothing is chosen on the test rows. The difference to `numbers: plain` is that of each split;
its interval and p are those of the t-test of Nadeau and Bengio (Machine Learning 52, 2003), which allows for splits
that share rows. Sets are those of scikit-learn, or made up:

- friedman1, friedman2: scikit-learn's, 10,000 rows.
- hastie: scikit-learn's, 12,000 rows, whether the squares of ten numbers add up to more than 9.34.
- people: 20,000 rows like those of a census: age, years at school, hours, a gain that is mostly 0, a weight that says
  nothing, kind of work and marriage; the chance of a high income jumps and bends with them.
- digits, breast_cancer, diabetes: scikit-learn's, with few rows: there the default is `plain`, and these rows ask for
  `piecewise` to show why.

    python benchmarks/tables_accuracy.py [--splits 5] [--only friedman1,people] [--members 0] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets

from dlkit.inputs._table_recipe import FEW_ROWS, table_recipe

Table = tuple[dict[str, np.ndarray], np.ndarray, str]
TEST, VALIDATION = 0.25, 0.15


def people(rows: int = 20_000) -> Table:
    """Numbers and words of people, and whether their income is high."""
    random = np.random.default_rng(0)
    age, school = random.integers(17, 90, rows), np.clip(np.round(random.normal(10, 2.6, rows)), 1, 16)
    hours = np.where(random.random(rows) < 0.45, 40, np.clip(np.round(random.normal(40, 14, rows)), 1, 99))
    gain = np.where(random.random(rows) < 0.08, np.exp(random.normal(8.5, 1.2, rows)), 0).round()
    work = random.choice(["private", "state", "own", "none"], rows, p=[0.7, 0.15, 0.1, 0.05])
    married = (random.random(rows) < np.clip((age - 18) / 25, 0, 0.62)).astype(int)
    logit = -4.2 + 0.33 * (school - 10) + 2.1 * married - ((age - 48) / 14) ** 2 / 2 + 0.6 * (school >= 13)
    logit += 1.2 * (hours > 44) - 1.0 * (hours < 30) + 3.5 * (gain > 5000) - 1.2 * ((gain > 0) & (gain <= 5000))
    logit += np.select([work == "own", work == "none"], [0.5 * (hours > 40), -1.5]) + 1.9
    numbers = np.stack([age, school, hours, gain, np.exp(random.normal(12, 0.5, rows))], axis=1).astype("float32")
    label = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    return {"numbers": numbers, "words": np.stack([work, np.where(married, "yes", "no")], axis=1)}, label, "accuracy"


def _of_numbers(x: Any, y: Any, figure: str) -> Table:
    return {"numbers": np.asarray(x, "float32")}, np.asarray(y), figure


SETS: dict[str, Callable[[], Table]] = {
    "friedman1": lambda: _of_numbers(*datasets.make_friedman1(10_000, noise=1.0, random_state=0), "r2_score"),
    "friedman2": lambda: _of_numbers(*datasets.make_friedman2(10_000, noise=50.0, random_state=0), "r2_score"),
    "hastie": lambda: _of_numbers(*datasets.make_hastie_10_2(12_000, random_state=0), "accuracy"),
    "people": people,
    "digits": lambda: _of_numbers(*datasets.load_digits(return_X_y=True), "accuracy"),
    "breast_cancer": lambda: _of_numbers(*datasets.load_breast_cancer(return_X_y=True), "accuracy"),
    "diabetes": lambda: _of_numbers(*datasets.load_diabetes(return_X_y=True), "r2_score"),
}


def main() -> None:
    """Train, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--members", type=int, default=0, help="also train so many members")
    parser.add_argument("--out", help="a file to which each run is appended, as a line of JSON")
    options = parser.parse_args()
    networks: dict[str, dict[str, Any]] = {"plain": {"numbers": "plain"}, "piecewise": {"numbers": "piecewise"}}
    if options.members:
        networks |= {"members": {"numbers": "auto", "members": options.members}}
    print("| set | training rows | figure | network | mean | less plain (95 %) | p |\n|---|---|---|---|---|---|---|")
    for name in options.only.split(","):
        table = SETS[name]()
        found: dict[str, list[float]] = {network: [] for network in networks}
        for split in range(options.splits):
            for network, settings in networks.items():
                found[network].append(_figure(name, table, split, settings))
                row = {"set": name, "split": split, "network": network, "figure": found[network][-1]}
                print(json.dumps(row), file=sys.stderr, flush=True)
                if options.out:
                    with Path(options.out).open("a") as file:
                        file.write(json.dumps(row) + "\n")
        for network, figures in found.items():
            print(_line(name, table, network, figures, found["plain"]), flush=True)


def _figure(name: str, table: Table, split: int, model: dict[str, Any]) -> float:
    """The figure of a network's test rows in one of the random splits."""
    import dlkit

    inputs, labels, figure = table
    order = np.random.default_rng(split).permutation(len(labels))
    test, validation = int(len(order) * TEST), int(len(order) * VALIDATION)
    parts = {"test": order[:test], "validation": order[test : test + validation], "train": order[test + validation :]}
    data = {part: ({n: x[rows] for n, x in inputs.items()}, {"y": labels[rows]}) for part, rows in parts.items()}
    kind = "number" if figure == "r2_score" else "category"
    recipe = table_recipe(len(parts["train"]))
    config = {
        "name": name,
        "seed": split,
        "data": {
            "inputs": {n: {"kind": "number" if n == "numbers" else "category"} for n in inputs},
            "targets": {"y": {"kind": kind, "metrics": [figure]}},
            "batch_size": recipe.batch_size,
        },
        "model": {**recipe.model, **model},
        "training": {
            **recipe.training,
            "epochs": recipe.epochs,
            "early_stopping": {"patience": recipe.patience},
            "baselines": "off",
            "health": "off",
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        run = dlkit.train(config, data=data, runs_folder=Path(folder), verbose=False)
        return float(json.loads((run.folder / "test.json").read_text())[figure])


def _line(name: str, table: Table, network: str, figures: list[float], plain: list[float]) -> str:
    """A row of the table."""
    rows = len(table[1])
    training = rows - int(rows * TEST) - int(rows * VALIDATION)
    is_default = network == ("piecewise" if training >= FEW_ROWS else "plain")
    called = f"{network}, the default" if is_default else network
    start = f"| {name} | {training:,} | {table[2]} | {called} | {statistics.fmean(figures):.4f} "
    if network == "plain" or len(figures) < 2:
        return f"{start}| | |"
    differences = [a - b for a, b in zip(figures, plain, strict=True)]
    mean = statistics.fmean(differences)
    # Equation 4 there, with the test rows over the training rows.
    error = ((1 / len(differences) + TEST / (1 - TEST)) * statistics.variance(differences)) ** 0.5
    half = float(stats.t.ppf(0.975, len(differences) - 1)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, len(differences) - 1)) if error else float(mean == 0)
    return f"{start}| {mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f}) | {p:.3f} |"


if __name__ == "__main__":
    main()
