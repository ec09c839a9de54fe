"""Finds the saved model that a user means, and checks that data fit it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from dlkit import runs
from dlkit.config.causes import first_line, reported_as
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.bound import Spec, Target
from dlkit.models.saving import load_model
from dlkit.runs import RunFolder
from dlkit.schema.features import Feature, in_words
from dlkit.schema.loader import Loaded, load_run_config


@dataclass(frozen=True)
class Trained:
    """A saved model.

    Attributes:
        path: its file.
        model: raw input to probabilities or numbers, compiled.
        spec: inputs, targets and classes that it was trained for.
        folder: the run that it comes from, None where it has been moved out of one.
        images: inputs that are flipped.
        views: the axes along which they are, for each prediction that results are the mean of.
    """

    path: Path
    model: keras.Model
    spec: Spec
    folder: RunFolder | None
    images: frozenset[str] = frozenset()
    views: tuple[tuple[int, ...], ...] = ((),)


def open_trained(
    run_or_model: str | Path, runs_folder: Path = Path("runs"), *, loaded: Loaded | None = None, trust: bool = False
) -> Trained:
    """Open the model of a run, or a model file.

    Args:
        run_or_model: a run's folder, `latest`, the name of a configuration, or the path of a `.keras` file.
        runs_folder: where run folders are.
        loaded: a configuration that the user names, whose plug-ins the model may need; None for that of its run.
        trust: run the code that the model names and the plug-ins of its run.

    Raises:
        ConfigError: if there is no such run or file.
        RunError: if the run has no model yet, or the file is damaged or names foreign code.
    """
    path = Path(run_or_model)
    if path.suffix == ".keras" or path.is_file():
        folder = RunFolder(path.parent) if (path.parent / "config.yaml").is_file() else None
        return Trained(path, *_load(path, folder, loaded, trust=trust), folder)
    folder = runs.find(str(run_or_model), runs_folder)
    if not folder.model.exists():
        state = folder.read_state().get("state", "unfinished")
        raise RunError(
            Problem(
                "no-model-yet",
                f"the run {folder.path} has no model yet: it is {state}",
                help=f"finish it with: dlkit train --resume {folder.path}"
                + (" (if its process is no longer there; else wait for it)" if state == "running" else ""),
            )
        )
    return Trained(folder.model, *_load(folder.model, folder, loaded, trust=trust), folder)


def _load(path: Path, folder: RunFolder | None, loaded: Loaded | None, *, trust: bool) -> tuple[keras.Model, Spec]:
    """The model; where it needs its run's plug-ins, those that may be imported are imported first."""
    try:
        with contextlib.nullcontext() if loaded is None else loaded.plugins.active():
            return load_model(path)
    except RunError as error:
        code = error.problems[0].code
        if code not in ("model-not-trusted", "plugin-needed") or (folder is None and not trust):
            raise
    if folder is None:
        return load_model(path, trust=trust)
    run = load_run_config(folder.config, needs_source=False, trust=trust)
    with run.plugins.active():
        return load_model(path, trust=trust)


def model_blamed(path: Path) -> AbstractContextManager[None]:
    """Within the block, whatever Keras or TensorFlow raise is the failure of the model of this file."""
    return reported_as(
        lambda error: Problem(
            "model-does-not-run",
            f"the model {path} fails on these examples: {first_line(error)}",
            help="--debug shows where; a model that was changed by hand may do so",
        )
    )


def check_fit(trained: Spec, given: Spec) -> None:
    """Refuse data that a model cannot be evaluated on.

    Raises:
        ConfigError: if inputs, targets or classes differ from those that the model was trained for.
    """
    problems = [
        *_names(trained.inputs, given.inputs, "inputs"),
        *_names(trained.targets, given.targets, "targets"),
    ]
    if not problems:
        for name, feature in trained.inputs.items():
            problems += check_input(feature, given.inputs[name].shape, given.inputs[name].dtype)
        for name, feature in trained.targets.items():
            problems += _target(feature, given.targets[name])
    if problems:
        raise ConfigError(problems)


def check_input(feature: Feature, shape: tuple[int | None, ...], dtype: str, of: str = "the data's") -> list[Problem]:
    """What is wrong with one input of a model.

    Args:
        feature: what the model was trained on.
        shape: of one example that it would be given.
        dtype: its NumPy type.
        of: whose it is, for the message.
    """
    key = ("data", "inputs", feature.name)
    subject = f"{of} `{feature.name}`"
    if not same_shape(feature.shape, shape):
        message = f"{subject} has shape {in_words(shape)}, the model takes {in_words(feature.shape)}"
        return [Problem("input-does-not-fit", message, key, help="give inputs of the shape that it was trained on")]
    if _is_whole(feature.dtype) and not _is_whole(dtype):
        message = f"{subject} is {dtype}, the model takes {feature.dtype}, which would cut off its fractions"
        return [Problem("input-does-not-fit", message, key, help="give raw values; the model scales them by itself")]
    return []


def _names(trained: Mapping[str, Feature], given: Mapping[str, Feature], what: str) -> list[Problem]:
    if set(trained) == set(given):
        return []
    message = f"the model's {what} are {', '.join(trained)}; the data's are {', '.join(given)}"
    return [
        Problem(
            "input-does-not-fit", message, ("data", what), help="name them alike; `column:` names the one of the source"
        )
    ]


def _target(trained: Target, given: Target) -> list[Problem]:
    key = ("data", "targets", trained.name)
    if trained.kind != given.kind:
        message = f"the model predicts `{trained.name}` as {trained.kind}, the data have it as {given.kind}"
        return [Problem("classes-do-not-fit", message, key)]
    return list(trained.settings.compatible(trained, given))


def same_shape(trained: tuple[int | None, ...], given: tuple[int | None, ...]) -> bool:
    """Whether two shapes agree, where a size that varies agrees with any."""
    return len(trained) == len(given) and all(
        a is None or b is None or a == b for a, b in zip(trained, given, strict=True)
    )


def _is_whole(dtype: str) -> bool:
    return dtype not in ("string", "object") and np.dtype(dtype).kind in "iub"
