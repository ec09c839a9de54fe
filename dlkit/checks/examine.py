"""The second phase of checking: read the data, build the model, try one batch, and apply every rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlkit.checks.context import CheckContext, make_context
from dlkit.checks.early import refuse_a_model_too_large
from dlkit.checks.rules import problems as broken_rules
from dlkit.config.problems import ConfigError, DlkitError, Problem
from dlkit.data.bound import Spec
from dlkit.data.contract import Splits
from dlkit.schema.loader import Loaded
from dlkit.training.failures import refused_as_run_error
from dlkit.training.prepare import prepare
from dlkit.training.program.strategy import session


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        case: what the rules looked at.
        problems: warnings, located; errors are raised.
    """

    case: CheckContext
    problems: tuple[Problem, ...]


def examine(
    loaded: Loaded, *, data: Any = None, use_data: bool = True, runs_folder: Path = Path("runs")
) -> Examination:
    """Check a configuration on its real model and one real batch of each split.

    Args:
        loaded: the configuration, through the text phase.
        data: examples given in Python, as for `dlkit.train`.
        use_data: False builds the model from what is known of the data without reading any.
        runs_folder: where the run of `training.init_from` is looked for.

    Returns:
        The case and every warning.

    Raises:
        ConfigError: with every mistake that was found and every warning, located.
        RunError: if the data cannot be read.
    """
    raw: Splits | None = None

    def first(loaded: Loaded, spec: Spec, splits: Splits | None) -> Sequence[str]:
        nonlocal raw
        raw = splits
        return refuse_a_model_too_large(loaded, spec, splits)

    with loaded.locating(), refused_as_run_error(), session(loaded.config):
        try:
            prepared = prepare(loaded, data, use_data=use_data, pre_check=first, weights_from=runs_folder)
        except DlkitError as error:
            raise type(error)([*loaded.warnings, *error.problems]) from error
        context = make_context(prepared.config, prepared.built, prepared.known_splits)
        context = replace(context, initial_weights=dict(prepared.notes).get("initial-weights", ""), raw=raw)
        found = [*loaded.warnings, *broken_rules(context)]
        if any(problem.severity == "error" for problem in found):
            raise ConfigError(found)
    return Examination(context, tuple(loaded.locate(problem) for problem in found))
