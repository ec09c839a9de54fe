"""What is looked at when training begins: the rules that try no step, on a sketch of the model that takes no memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from dlkit.checks.case import Batch, Case
from dlkit.checks.rules import BEFORE_TRAINING, problems
from dlkit.checks.sketch import sketched
from dlkit.config.loader import Loaded
from dlkit.config.problems import ConfigError, Problem
from dlkit.data.contract import Indexed, Spec, Splits, in_memory
from dlkit.data.preprocessing import Preprocessing, host_stage
from dlkit.models.build import Assembly, assemble
from dlkit.training.forward import device_stage


def look_before_training(loaded: Loaded, splits: Splits, preprocessing: Preprocessing) -> list[str]:
    """Look at data and model before the model is built.

    Args:
        loaded: the configuration.
        splits: the data, as the source gives them.
        preprocessing: fitted.

    Returns:
        A line for each warning.

    Raises:
        ConfigError: if training cannot go well, as when the memory does not hold the model.
    """
    assembly = _sketch(loaded, splits.spec)
    if assembly is None:
        return []
    found = problems(
        Case(loaded.config, assembly, splits, _some_examples(splits, assembly, preprocessing)), BEFORE_TRAINING
    )
    _refuse_errors(found)
    return [f"{problem.message}; {problem.help}" if problem.help else problem.message for problem in found]


def refuse_a_model_too_large(loaded: Loaded, spec: Spec) -> None:
    """Refuse a model that the memory cannot hold, before it takes any.

    Raises:
        ConfigError: if not even its weights and what every update needs would fit.
    """
    assembly = _sketch(loaded, spec)
    if assembly is not None:
        _refuse_errors(problems(Case(loaded.config, assembly), ["large-model"]))


def _refuse_errors(found: Iterable[Problem]) -> None:
    if any(problem.severity == "error" for problem in found):
        raise ConfigError(found)


def _sketch(loaded: Loaded, spec: Spec) -> Assembly | None:
    """The model of a configuration without its weights; None where it cannot be built."""
    try:
        return sketched(lambda: assemble(loaded.config, spec, functions=loaded.plugins.functions))
    except Exception:  # it is told, and better, when the model itself is built
        return None


def _some_examples(splits: Splits, assembly: Assembly, preprocessing: Preprocessing) -> dict[str, Batch]:
    """A batch of training examples from all over the split, prepared; none of a stream, which would have to be read."""
    if not isinstance(splits.train, Indexed) or splits.train.arrays is None:
        return {}
    size = min(splits.train.size, 32)
    rows = np.linspace(0, splits.train.size - 1, size).astype(int)
    inputs, targets = ({name: x[rows] for name, x in part.items()} for part in splits.train.arrays)
    few = host_stage(preprocessing, Splits(splits.spec, in_memory(inputs, targets))).train
    assert isinstance(few, Indexed) and few.arrays is not None
    inputs, targets = few.arrays
    ready = device_stage(replace(assembly, preprocessing=preprocessing), inputs, augment=False)
    return {"train": Batch(inputs, {name: np.asarray(x) for name, x in ready.items()}, targets)}
