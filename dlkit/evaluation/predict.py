"""Predictions of a saved model: for files, or for a split of data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlkit.config.problems import DlkitError
from dlkit.evaluation.compiled import Compiled
from dlkit.evaluation.evaluate import load_split, own_config
from dlkit.evaluation.flips import with_flips
from dlkit.evaluation.predictions import batch_size, of_files, of_split
from dlkit.evaluation.trained import Trained, check_fit, open_trained
from dlkit.models.predictions import Predictions, joined
from dlkit.schema.loader import Loaded
from dlkit.schema.source import SourceSettings


def predict(
    run_or_model: str | Path,
    inputs: Sequence[Path] = (),
    *,
    loaded: Loaded | None = None,
    split: str = "test",
    data: Any = None,
    runs_folder: Path = Path("runs"),
    flips: str | None = None,
    trust: bool = False,
) -> Predictions:
    """What a saved model says of files, or of a split.

    Args:
        run_or_model: a run's folder, `latest`, the name of a configuration, or the path of a `.keras` file.
        inputs: images, tables, `.npy` or `.npz` files, folders of them, or patterns such as `*.png`.
        loaded: without `inputs`, the configuration whose data are used; the run's own if None.
        split: without `inputs`, train, validation or test.
        data: without `inputs`, examples given in Python, as for `dlkit.train`.
        runs_folder: where run folders are.
        flips: test-time augmentation, as `with_flips` takes it.
        trust: run the code that comes with the run or model; see `dlkit.evaluation.trained.open_trained`.

    Raises:
        ConfigError: if there is no such run or split, or the data do not fit the model.
        RunError: if the model, or none of the files, can be used. Where some can, the predictions are of these, and
            `unusable` names the others.
    """
    trained = with_flips(open_trained(run_or_model, runs_folder, loaded=loaded, trust=trust), flips)
    if inputs:
        return _of_usable(of_files(trained, inputs, batch_size(trained, 32), _source(trained)))
    loaded = loaded or own_config(trained, needs_source=data is None, trust=trust)
    with loaded.locating():
        splits, chosen = load_split(loaded, split, data, trained.spec)
        check_fit(trained.spec, splits.spec)
    size = batch_size(trained, loaded.config.data.batch_size)
    return joined(of_split(trained, Compiled(trained), chosen, split, size))


def _of_usable(parts: Iterator[Predictions]) -> Predictions:
    """The predictions of files, also where some of them cannot be used."""
    found: list[Predictions] = []
    try:
        for part in parts:
            found.append(part)
    except DlkitError as error:
        if not found or any(problem.code != "unusable-input" for problem in error.problems):
            raise
        return replace(joined(found), unusable=error)
    return joined(found)


def _source(trained: Trained) -> SourceSettings | None:
    """The source that a model was trained on, where its run says so."""
    if trained.folder is None:
        return None
    try:
        return own_config(trained, needs_source=False).config.data.source
    except DlkitError:  # as for a plug-in that nobody trusts: tables are then read without the run's settings
        return None
