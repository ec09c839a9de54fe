"""What is looked at when training begins: the rules that try no step, on a sketch of the model that takes no memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dlkit.checks.context import CheckContext, Sample
from dlkit.checks.rules import BEFORE_TRAINING, problems
from dlkit.checks.sketch import sketched
from dlkit.config.problems import ConfigError, Problem
from dlkit.data.bound import Spec
from dlkit.data.contract import Rows, Splits, chosen
from dlkit.data.prepare import host_stage
from dlkit.data.preprocessing import make_preprocessing
from dlkit.models.build import BuiltModel, build
from dlkit.schema.loader import Loaded
from dlkit.training.program.forward import device_stage
from dlkit.training.trained import trained_weights


def check_before_training(loaded: Loaded, spec: Spec, splits: Splits | None) -> Sequence[str]:
    """Look at data and model before the model is built.

    Args:
        loaded: the configuration.
        spec: what is known of the data.
        splits: the data before the host stage, their preprocessing fitted; None where they could not be read.

    Returns:
        A line for each warning.

    Raises:
        ConfigError: if training cannot go well, as when the memory does not hold the model.
    """
    if splits is None:
        return refuse_a_model_too_large(loaded, spec, splits)
    built = _sketch(loaded, spec)
    if built is None:
        return []
    context = CheckContext(loaded.config, built, splits, _some_examples(splits, built), raw=splits)
    found = problems(context, BEFORE_TRAINING)
    _refuse_errors(found)
    return [f"{problem.message}; {problem.help}" if problem.help else problem.message for problem in found]


def refuse_a_model_too_large(loaded: Loaded, spec: Spec, splits: Splits | None) -> Sequence[str]:
    """Refuse a model that the memory cannot hold, before it takes any; args are those of `check_before_training`.

    Returns:
        Nothing to be noted.

    Raises:
        ConfigError: if not even its weights and what every update needs would fit.
    """
    built = _sketch(loaded, spec)
    if built is not None:
        _refuse_errors(problems(CheckContext(loaded.config, built), ["large-model"]))
    return ()


def _refuse_errors(found: Iterable[Problem]) -> None:
    if any(problem.severity == "error" for problem in found):
        raise ConfigError(found)


def _sketch(loaded: Loaded, spec: Spec) -> BuiltModel | None:
    """The model of a configuration without its weights; frozen is what is never trained. None where it cannot be
    built.
    """
    settings = loaded.config.training

    def made() -> BuiltModel:
        built = build(loaded.config, spec, functions=loaded.plugins.functions)
        trained_weights(built.network, settings).freeze(frozen=settings.unfreeze_after is None)
        return built

    try:
        return sketched(made)
    except Exception:  # it is reported, and better, when the model itself is built
        return None


def _some_examples(splits: Splits, built: BuiltModel) -> dict[str, Sample]:
    """A batch of training examples from all over the split, prepared; none of a stream, which would have to be read."""
    if not isinstance(splits.train, Rows):
        return {}
    # The sketch's own layers hold no values.
    preprocessing = make_preprocessing(splits.spec.inputs)
    size = min(splits.train.size, 32)
    rows = np.linspace(0, splits.train.size - 1, size).astype(int)
    few = host_stage(preprocessing.host, Splits(splits.spec, chosen(splits.train, rows))).train
    assert isinstance(few, Rows) and few.arrays is not None
    ready = device_stage(replace(built, preprocessing=preprocessing), few.arrays.inputs)
    return {"train": Sample(few.arrays, {name: np.asarray(x) for name, x in ready.items()})}
