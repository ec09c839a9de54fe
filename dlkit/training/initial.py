"""The weights that a new run begins with where `training.init_from` names another run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from dlkit import runs
from dlkit.config.problems import DlkitError, Problem, RunError
from dlkit.keras_internals import flattened
from dlkit.models.build import BuiltModel
from dlkit.models.pretrained import settle
from dlkit.models.saving import load_model
from dlkit.training.checkpoints import files as checkpoints

KEY = ("training", "init_from")


def take_weights(built: BuiltModel, source: str, runs_folder: Path) -> str:
    """Put the best weights of another run into a network, layer by layer from its input on, where their shapes agree.

    Args:
        built: the new model; what does not agree keeps its fresh weights.
        source: a run's folder or name, `latest`, or the path of a `model.keras`.
        runs_folder: where runs are found by name.

    Returns:
        What was taken and what is fresh, in a sentence.

    Raises:
        ConfigError: if there is no such run.
        RunError: if it has no weights yet, or none of them fits.
    """
    try:
        arrays = _best_weights(source, runs_folder)
    except DlkitError as error:
        raise type(error)(replace(problem, key=KEY) for problem in error.problems) from error
    taken: list[str] = []
    fresh: list[str] = []
    position = 0
    for layer in built.network.layers:
        count = len(layer.weights)
        found = arrays[position : position + count]
        position += count
        if not count:
            continue
        if [tuple(w.shape) for w in layer.weights] == [a.shape for a in found]:
            for weight, array in zip(layer.weights, found, strict=True):
                weight.assign(array)
            taken.append(layer.name)
        else:
            fresh.append(layer.name)
    settle(built.network)
    if not taken:
        raise RunError(
            Problem(
                "no-weights-taken",
                f"no layer of the model has weights of the shapes that `{source}` has",
                key=KEY,
                help="the layers are compared in order, from the input on; use the same builder with the same sizes",
            )
        )
    return f"weights of {source} in {', '.join(taken)}" + (f"; fresh ones in {', '.join(fresh)}" if fresh else "")


def _best_weights(source: str, runs_folder: Path) -> Sequence[np.ndarray]:
    """The weights of a network's best epoch, in its order."""
    path = Path(source)
    if path.suffix == ".keras" or path.is_file():
        model, _ = load_model(path)
        # Fitted to the other run's data, and no part of a network.
        scales = [layer for layer in flattened(model) if isinstance(layer, keras.layers.Normalization)]
        apart = {id(w) for layer in scales for w in layer.weights}
        return [w.numpy() for w in model.weights if id(w) not in apart]
    folder = runs.find(source, runs_folder)
    best = folder.checkpoints / checkpoints.BEST
    places = [best] if best.exists() else checkpoints.newest(folder.checkpoints)
    if places:
        arrays = checkpoints.load(places[0]).arrays
        names = [f"weights/{i}" for i in range(sum(name.startswith("weights/") for name in arrays))]
        if not arrays.keys() >= set(names):
            message = f"the checkpoint {places[0]} cannot be used: its weights are not numbered from 0"
            raise RunError(Problem("damaged-checkpoint", message))
        return [arrays[name] for name in names]
    raise RunError(
        Problem(
            "no-weights-yet",
            f"the run {folder.path} has no checkpoint yet",
            help="wait for the end of its first epoch",
        )
    )
