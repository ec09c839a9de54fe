"""Predictions of a saved model: for files, or for a split of data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.loader import Loaded
from dlkit.data.contract import Feature
from dlkit.data.feeding import evaluation_batch_size, example_bytes
from dlkit.evaluation.evaluate import batches, load_split, own_config
from dlkit.evaluation.inputs import read_inputs
from dlkit.evaluation.trained import check_fit, open_trained
from dlkit.models.build import unwrap


@dataclass(frozen=True)
class Predictions:
    """What a model says.

    Attributes:
        names: where each example comes from: a file, a file and its row, or a split and its row.
        targets: what is predicted, by name.
        results: by target, probabilities of shape (examples, classes) for a category, (examples, 1) for yes or no;
            numbers for a regression. float32.
        labels: by target, what is known to be true; empty where nothing is.
    """

    names: list[str]
    targets: dict[str, Feature]
    results: dict[str, np.ndarray]
    labels: dict[str, np.ndarray] = field(default_factory=dict)


def predict(
    run_or_model: str | Path,
    inputs: Sequence[Path] = (),
    *,
    loaded: Loaded | None = None,
    split: str = "test",
    data: Any = None,
    runs_folder: Path = Path("runs"),
    trust: bool = False,
) -> Predictions:
    """What a saved model says of files, or of a split.

    Args:
        run_or_model: a run's folder, `latest`, the name of a configuration, or the path of a `.keras` file.
        inputs: images, `.npy` or `.npz` files; see `dlkit.evaluation.inputs.read_inputs`.
        loaded: without `inputs`, the configuration whose data are used; the run's own if None.
        split: without `inputs`, train, validation or test.
        data: without `inputs`, examples given in Python, as for `dlkit.train`.
        runs_folder: where run folders are.
        trust: run the code that comes with the run or model; see `dlkit.evaluation.trained.open_trained`.

    Raises:
        ConfigError: if there is no such run or split, or the data do not fit the model.
        RunError: if the model, or any of the files, cannot be used.
    """
    trained = open_trained(run_or_model, runs_folder, trust=trust)
    targets = dict(trained.spec.targets)
    if inputs:
        given = read_inputs(trained, inputs)
        size = evaluation_batch_size(32, example_bytes(trained.spec))
        outputs = trained.model.predict(unwrap(given.arrays), batch_size=size, verbose=0)
        return Predictions(given.names, targets, _by_target(outputs, targets))
    loaded = loaded or own_config(trained, needs_source=data is None, trust=trust)
    with loaded.locating():
        splits, chosen = load_split(loaded, split, data)
        check_fit(trained.spec, splits.spec)
    size = evaluation_batch_size(loaded.config.data.batch_size, example_bytes(splits.spec))
    results, labels = [], []
    for x, y in batches(chosen, size):
        results.append(_by_target(trained.model.predict_on_batch(x), targets))
        labels.append({name: np.asarray(array) for name, array in _by_target(y, targets).items()})
    joined = {name: np.concatenate([part[name] for part in results]) for name in targets}
    known = {name: np.concatenate([part[name] for part in labels]) for name in targets}
    rows = len(next(iter(joined.values())))
    return Predictions([f"{split}[{row}]" for row in range(rows)], targets, joined, known)


def _by_target(outputs: Any, targets: dict[str, Feature]) -> dict[str, Any]:
    return outputs if isinstance(outputs, dict) else {next(iter(targets)): outputs}


def ranked(target: Feature, result: np.ndarray, count: int = 3) -> list[tuple[str, np.float32]]:
    """The likeliest classes of one example and their probabilities; the number itself for a regression.

    Args:
        target: what is predicted.
        result: one row of its results.
        count: classes to give.
    """
    if target.kind == "category":
        order = np.argsort(-result, kind="stable")[:count]
        return [(target.classes[i], result[i]) for i in order]
    if target.kind == "binary":
        yes = result.reshape(-1)[0]
        pairs = list(zip(binary_classes(target), (np.float32(1) - yes, yes), strict=True))
        return sorted(pairs, key=lambda pair: -pair[1])[:count]
    return [("", value) for value in result.reshape(-1)]


def binary_classes(target: Feature) -> tuple[str, str]:
    """The names of a yes or no, that of no first."""
    return (target.classes[0], target.classes[1]) if len(target.classes) == 2 else ("0", "1")
