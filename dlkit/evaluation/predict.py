"""Predictions of a saved model: for files, or for a split of data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.config.loader import Loaded
from dlkit.data.contract import Feature
from dlkit.evaluation.compiled import Compiled
from dlkit.evaluation.evaluate import load_split, own_config
from dlkit.evaluation.predictions import batch_size, of_files, of_split
from dlkit.evaluation.trained import check_fit, open_trained
from dlkit.models.predictions import Predictions, joined


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
        inputs: images, `.npy` or `.npz` files, folders of them, or patterns such as `*.png`.
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
    if inputs:
        return joined(of_files(trained, inputs, batch_size(trained, 32)))
    loaded = loaded or own_config(trained, needs_source=data is None, trust=trust)
    with loaded.locating():
        splits, chosen = load_split(loaded, split, data)
        check_fit(trained.spec, splits.spec)
    size = batch_size(trained, loaded.config.data.batch_size)
    return joined(of_split(trained, Compiled(trained), chosen, split, size))


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
