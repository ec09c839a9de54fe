"""What the shipped configurations reach, over seeds and folds, beside their baselines and what was aimed at.

Nothing is chosen on the test rows: every run is judged once, by the weights that its configuration keeps. A figure is
the mean over folds; its interval is that of the mean over seeds by Student's t at 95 %. Where a network is compared
with tf-idf and logistic regression on the same texts, the exact test of McNemar counts the texts that one of them alone
gets right.

    python benchmarks/accuracy.py [--seeds 3] [--only breast_cancer,diabetes] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

HERE = Path(__file__).parent
CONFIGS = HERE.parent / "configs"


class Aim(NamedTuple):
    """What a configuration is to reach: a figure of its test split, and how many folds there are."""

    figure: str
    at_least: float | None = None
    below: float | None = None
    folds: int = 1


AIMS = {
    "breast_cancer": Aim("accuracy", at_least=0.975, folds=5),
    "diabetes": Aim("r2_score", at_least=0.45, folds=5),
    "movie_sentiment": Aim("accuracy", at_least=0.795),
    "japanese_vowels": Aim("accuracy", at_least=0.983),
    "airline": Aim("mase", below=0.7),
}


def main() -> None:
    """Train, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(AIMS))
    parser.add_argument("--out", help="a file to which each run is appended, as a line of JSON")
    options = parser.parse_args()
    print("| configuration | runs | figure | mean (95 %) | aimed at | best baseline | |\n|---|---|---|---|---|---|---|")
    for name in options.only.split(","):
        rows = list(_runs(name, AIMS[name], options.seeds))
        if options.out:
            with Path(options.out).open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        print(_line(name, AIMS[name], rows), flush=True)


def _runs(name: str, aim: Aim, seeds: int) -> Iterator[dict[str, Any]]:
    """A row for each run: its seed, fold, figure, and the best baseline's."""
    import dlkit

    for seed in range(seeds):
        for fold in range(1, aim.folds + 1):
            overrides = {"seed": seed, **({"data.splits.fold": fold} if aim.folds > 1 else {})}
            with tempfile.TemporaryDirectory() as folder:
                run = dlkit.train(CONFIGS / f"{name}.yaml", overrides, runs_folder=Path(folder), verbose=False)
                found, test = (json.loads((run.folder / f"{f}.json").read_text()) for f in ("baselines", "test"))
                given = [row["figures"][aim.figure] for row in found["baselines"] if "figures" in row]
                row = {"config": name, "seed": seed, "fold": fold, "figure": test[aim.figure]}
                row["baseline"] = (min if aim.below is not None else max)(given)
                if name == "movie_sentiment":
                    row |= _against_tf_idf(run)
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row


def _against_tf_idf(run: Any) -> dict[str, Any]:
    """How many test texts one of the two alone gets right, and how likely such a difference is by chance."""
    import keras
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from dlkit.data.load import load_splits
    from dlkit.schema.loader import load

    splits = load_splits(load(CONFIGS / "movie_sentiment.yaml").config.data)
    (train, labels), (test, right) = (
        (split.held.inputs["text"].reshape(-1), np.asarray(split.held.targets["sentiment"]).reshape(-1))
        for split in (splits.train, splits.test)
    )
    by_hand = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)).fit(train, labels).predict(test)
    model = keras.models.load_model(run.folder / "model.keras")
    ours = model.predict(np.asarray(test, dtype=object), verbose=0)
    ours = (np.asarray(ours["sentiment"] if isinstance(ours, dict) else ours).reshape(-1) > 0.5).astype(int)
    alone, its = int(((ours == right) & (by_hand != right)).sum()), int(((ours != right) & (by_hand == right)).sum())
    likely = stats.binomtest(alone, alone + its).pvalue if alone + its else 1.0
    return {"only_network_right": alone, "only_tf_idf_right": its, "p": likely}


def _line(name: str, aim: Aim, rows: list[dict[str, Any]]) -> str:
    """A row of the table."""
    seeds = sorted({row["seed"] for row in rows})
    means = [statistics.fmean(row["figure"] for row in rows if row["seed"] == seed) for seed in seeds]
    mean, baseline = statistics.fmean(means), statistics.fmean(row["baseline"] for row in rows)
    width = "one seed"
    if len(means) > 1:
        half = stats.t.ppf(0.975, len(means) - 1) * statistics.stdev(means) / len(means) ** 0.5
        width = f"{mean - half:.4f} to {mean + half:.4f}"
    reached = mean < aim.below if aim.below is not None else mean >= (aim.at_least or 0)
    wanted = f"below {aim.below}" if aim.below is not None else f"{aim.at_least}"
    tests = ", ".join(
        f"{row['only_network_right']} to {row['only_tf_idf_right']} texts, p {row['p']:.2f}"
        for row in rows
        if "p" in row
    )
    verdict = ("reached" if reached else "missed") + (f"; {tests}" if tests else "")
    return f"| {name} | {len(rows)} | {aim.figure} | {mean:.4f} ({width}) | {wanted} | {baseline:.4f} | {verdict} |"


if __name__ == "__main__":
    main()
