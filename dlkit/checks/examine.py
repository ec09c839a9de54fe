"""The second phase of checking: read the data, build the model, try one batch, and apply every rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlkit.checks.context import CheckContext, make_context
from dlkit.checks.early import refuse_a_model_too_large
from dlkit.checks.rules import problems as broken_rules
from dlkit.config.problems import ConfigError, DlkitError, Problem
from dlkit.data.contract import Spec, Splits
from dlkit.data.load import load_spec, load_splits
from dlkit.data.preprocessing import fit, host_stage, make_preprocessing
from dlkit.models.build import BuiltModel, build
from dlkit.schema.loader import Loaded
from dlkit.training.initial import take_weights
from dlkit.training.program.optimizers import make_optimizer
from dlkit.training.program.strategy import make_strategy, prepare_process


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
    with loaded.locating():
        prepare_process(loaded.config)
        with make_strategy(loaded.config).scope():
            case = _case(loaded, data, use_data, runs_folder)
            found = [*loaded.warnings, *broken_rules(case)]
            if any(problem.severity == "error" for problem in found):
                raise ConfigError(found)
    return Examination(case, tuple(loaded.locate(problem) for problem in found))


def _case(loaded: Loaded, data: Any, use_data: bool, runs_folder: Path) -> CheckContext:
    """Data, model and a trial; or the mistakes of all three together."""
    errors: list[DlkitError] = []
    config, plugins = loaded.config, loaded.plugins.functions
    splits: Splits | None = None
    spec: Spec | None = None
    built: BuiltModel | None = None
    initial = ""
    try:
        if use_data:
            splits = load_splits(config.data, given=data)
            spec = splits.spec
        else:
            spec = _known_spec(loaded)
    except DlkitError as error:
        errors.append(error)
        spec = _guessed_spec(loaded)
    preprocessing = make_preprocessing(config.data)
    try:
        if splits is not None:
            fit(preprocessing, splits.train)
        if spec is not None:
            refuse_a_model_too_large(loaded, spec)
            built = build(config, spec, preprocessing, plugins)
            if config.training.init_from is not None:
                initial = take_weights(built, config.training.init_from, runs_folder)
    except DlkitError as error:
        errors.append(error)
    try:
        make_optimizer(config.training.optimizer, config.training.optimizer.learning_rate, config.runtime.precision)
    except (ValueError, TypeError) as refused:
        told = f"Keras refuses the optimizer: {str(refused).strip().splitlines()[0]}"
        errors.append(ConfigError(Problem("optimizer-refused", told, ("training", "optimizer"))))
    if errors:
        worst = max((type(error) for error in errors), key=lambda kind: kind.exit_status)
        raise worst([*loaded.warnings, *(problem for error in errors for problem in error.problems)])
    assert built is not None
    case = make_context(config, built, host_stage(preprocessing, splits) if splits is not None else None)
    return replace(case, initial_weights=initial)


def _known_spec(loaded: Loaded) -> Spec:
    data = loaded.config.data
    spec = load_spec(data)
    if spec is not None:
        return spec
    problems = [
        Problem(
            "spec-unknown",
            f"the shape of `{name}` is not known without reading the data",
            ("data", "inputs", name),
            help="state it with `shape:`, or check without --no-data",
        )
        for name, settings in data.inputs.items()
        if settings.shape is None
    ]
    problems += [
        Problem(
            "spec-unknown",
            f"the classes of `{name}` are not known without reading the data",
            ("data", "targets", name),
            help="state their number or names with `classes:`, or check without --no-data",
        )
        for name, target in data.targets.items()
        if target.kind == "category" and getattr(target, "classes", None) is None
    ]
    help = "check without --no-data"
    raise ConfigError(problems or Problem("spec-unknown", "too little is known without reading the data", help=help))


def _guessed_spec(loaded: Loaded) -> Spec | None:
    """What is known although the data could not be read, so that mistakes of the model are told as well."""
    try:
        return load_spec(loaded.config.data)
    except DlkitError:
        return None
